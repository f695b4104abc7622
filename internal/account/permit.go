package account

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/wxcast/wxcast/internal/permit"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// PermitStatus is what a mini program's users allow.
type PermitStatus struct {
	MiniAppID string               `json:"mini_appid"`
	Templates []wxcast.PermitCount `json:"templates"`
}

// PermitStatus counts what a mini program's users allow; miniAppID may be "" where the account
// has one.
func (a *Account) PermitStatus(ctx context.Context, miniAppID string) (PermitStatus, error) {
	mini, id, err := a.MiniProgram(ctx, miniAppID)
	if err != nil {
		return PermitStatus{}, err
	}
	counts, err := a.db.PermitCounts(ctx, a.ID, id)
	return PermitStatus{mini.AppID, append([]wxcast.PermitCount{}, counts...)}, err
}

// PersonPermits are one mini user's consents.
type PersonPermits struct {
	MiniOpenID string           `json:"mini_openid"`
	Left       map[string]int64 `json:"left"` // messages by template
	Permits    []wxcast.Permit  `json:"permits"`
}

// Permits are a mini user's consents, the latest first. Audited.
func (a *Account) Permits(ctx context.Context, miniAppID, miniOpenID string) (PersonPermits, error) {
	return auditedOf(ctx, a, "get-permits", "", []string{miniOpenID}, func(*entry) (PersonPermits, error) {
		p := PersonPermits{MiniOpenID: miniOpenID, Left: map[string]int64{}}
		_, id, err := a.MiniProgram(ctx, miniAppID)
		if err != nil {
			return p, err
		}
		if p.Permits, err = a.db.PermitsOf(ctx, a.ID, id, wxcast.Recipient(miniOpenID)); err != nil {
			return p, err
		}
		if len(p.Permits) == 0 {
			return p, notFound("permits.nobody", "id", miniOpenID)
		}
		for _, one := range p.Permits {
			p.Left[one.TemplateID] += one.Messages
		}
		return p, nil
	})
}

// ImportedPermits is what an import of a ledger did.
type ImportedPermits struct {
	Rows     int64    `json:"rows"`
	Inserted int64    `json:"inserted"`
	Updated  int64    `json:"updated"`
	Rejected int64    `json:"rejected"`
	Rejects  []Reject `json:"rejects"` // the first ones
	// Reasons are why, in any language.
	Reasons []wxcast.Sentence `json:"-"`
}

// permitBatch is how many people's consents are set in one transaction.
const permitBatch = 2000

// ImportPermits makes a ledger that was kept elsewhere the truth about the people and templates
// that it names. It is read to its end before anything is changed. Audited.
func (a *Account) ImportPermits(ctx context.Context, miniAppID string, in io.Reader,
	name string) (ImportedPermits, error) {
	return audited(ctx, a, "import-permits", name, func(*entry) (out ImportedPermits, err error) {
		out.Rejects = []Reject{}
		mini, id, err := a.MiniProgram(ctx, miniAppID)
		if err == nil {
			err = a.ownMiniProgram(ctx, mini.AppID, id, false)
		}
		if err != nil {
			return out, err
		}
		file, err := textfile.Twice(in)
		if err != nil {
			return out, err
		}
		if err := a.checkPermits(ctx, file, name, &out); err != nil {
			return out, err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return out, err
		}
		return out, a.setPermits(ctx, id, file, name, &out)
	})
}

// checkPermits reads a ledger, and notes what is wrong with it.
func (a *Account) checkPermits(ctx context.Context, in io.Reader, name string, out *ImportedPermits) error {
	for row, err := range permit.Read(in, name) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if out.Rows++; row.Problem.IsZero() {
			continue
		}
		if out.Rejected++; len(out.Rejects) < rejectsShown {
			out.Rejects = append(out.Rejects, Reject{Line: row.Line, Reason: text.English.Say(row.Problem)})
			out.Reasons = append(out.Reasons, row.Problem)
		}
	}
	if out.Rejected == out.Rows {
		return &wxcast.BadInput{File: name, Line: int(out.Rejects[0].Line), Problem: out.Reasons[0],
			Want: wxcast.Say("permits.want_columns")}
	}
	return nil
}

func (a *Account) setPermits(ctx context.Context, appID int64, in io.Reader, name string, out *ImportedPermits) error {
	batch := make([]wxcast.PermitBalance, 0, permitBatch)
	flush := func() error {
		inserted, updated, err := a.db.SetPermits(ctx, a.ID, appID, batch)
		out.Inserted, out.Updated, batch = out.Inserted+inserted, out.Updated+updated, batch[:0]
		return err
	}
	for row, err := range permit.Read(in, name) {
		if err != nil {
			return err
		}
		if !row.Problem.IsZero() {
			continue
		}
		if batch = append(batch, row.PermitBalance); len(batch) == permitBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// ExportPermits writes what people allow still, as an import reads it. Audited.
func (a *Account) ExportPermits(ctx context.Context, miniAppID, format string, w io.Writer) (int64, error) {
	return audited(ctx, a, "export-permits", "", func(*entry) (int64, error) {
		_, id, err := a.MiniProgram(ctx, miniAppID)
		if err != nil {
			return 0, err
		}
		var last wxcast.PermitBalance
		return rows[wxcast.PermitBalance, string]{
			page: func(string) ([]wxcast.PermitBalance, error) {
				page, err := a.db.PermitBalances(ctx, a.ID, id, last, exportPage)
				if len(page) > 0 {
					last = page[len(page)-1]
				}
				return page, err
			},
			id:     func(b wxcast.PermitBalance) string { return fmt.Sprint(b.TemplateID, " ", b.Recipient) },
			header: permit.Columns,
			fields: func(b wxcast.PermitBalance) []string {
				return []string{string(b.Recipient), b.TemplateID, strconv.FormatInt(b.Messages, 10)}
			},
			object: func(b wxcast.PermitBalance) any {
				return map[string]any{"mini_openid": b.Recipient, "template_id": b.TemplateID, "count": b.Messages}
			},
		}.write(w, format)
	})
}
