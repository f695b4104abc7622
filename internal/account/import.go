package account

import (
	"context"
	"io"
	"iter"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/text"
)

// ImportOptions say how mini users are imported.
type ImportOptions struct {
	MiniAppID        string // where the account has several
	Source           string // what it is called
	Strict           bool   // import nothing if any row is bad
	Replace          bool   // the source is complete: remove the mini users that it lacks
	AllowMassRemoval bool   // with Replace, remove however many
	TakeOver         bool   // the mini program is this account's from now on
	// Reject is told each bad row.
	Reject func(bridge.Rejected)
}

// ImportMiniUsers brings rows of mini users into the store. Audited.
func (a *Account) ImportMiniUsers(ctx context.Context, rows iter.Seq2[bridge.Row, error],
	o ImportOptions) (bridge.ImportSummary, error) {
	return audited(ctx, a, "import-mini-users", o.Source, func(*entry) (bridge.ImportSummary, error) {
		_, summary, err := a.importRows(ctx, rows, o)
		return summary, err
	})
}

func (a *Account) importRows(ctx context.Context, rows iter.Seq2[bridge.Row, error], o ImportOptions) (miniID int64,
	summary bridge.ImportSummary, err error) {
	mini, miniID, err := a.MiniProgram(ctx, o.MiniAppID)
	if err == nil {
		err = a.ownMiniProgram(ctx, mini.AppID, miniID, o.TakeOver)
	}
	if err != nil {
		return 0, summary, err
	}
	options := bridge.ImportOptions{
		AccountID: a.ID, MiniID: miniID, Source: o.Source, Strict: o.Strict,
		Replace: o.Replace, MaxRemoveShare: a.cfg.Sync.MaxUnfollowShare, Reject: o.Reject,
	}
	if o.AllowMassRemoval {
		options.MaxRemoveShare = 1
	}
	summary, err = bridge.Import(ctx, a.db, rows, options)
	return miniID, summary, err
}

// ownMiniProgram makes sure that the mini program is this account's: of those that share one,
// a single account changes who its users are.
func (a *Account) ownMiniProgram(ctx context.Context, appid string, miniID int64, takeOver bool) error {
	owner, ours, err := a.db.OwnMiniProgram(ctx, a.ID, miniID, takeOver)
	if err != nil || ours {
		return err
	}
	name := string(owner)
	for _, other := range a.cfg.Accounts {
		if other.AppID == name {
			name = other.Name
		}
	}
	return conflict("import.anothers", "appid", appid, "owner", name, "account", a.Name())
}

// Imported is what an import did, and the join after it.
type Imported struct {
	Import  bridge.ImportSummary `json:"import"`
	Rejects []Reject             `json:"rejects"` // the first ones
	Join    bridge.JoinSummary   `json:"join"`
}

// Reject is a row that was not imported.
type Reject struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
}

// rejectsShown is how many rejected rows an import names.
const rejectsShown = 100

// ImportFile brings in the mini users of a file, and joins them. Audited.
func (a *Account) ImportFile(ctx context.Context, in io.Reader, columns bridge.Columns, o ImportOptions) (Imported,
	error) {
	return audited(ctx, a, "import-mini-users", o.Source, func(*entry) (out Imported, err error) {
		out.Rejects = []Reject{}
		o.Reject = func(r bridge.Rejected) {
			if len(out.Rejects) < rejectsShown {
				out.Rejects = append(out.Rejects, Reject{Line: r.Line, Reason: text.English.Say(r.Reason)})
			}
		}
		var miniID int64
		if miniID, out.Import, err = a.importRows(ctx, bridge.ReadFile(in, o.Source, columns), o); err != nil {
			return out, err
		}
		out.Join, err = bridge.Join(ctx, a.db, a.ID, miniID)
		return out, err
	})
}

// Join brings the bridges between the account's followers and a mini program's users up to
// date. Audited.
func (a *Account) Join(ctx context.Context, miniAppID string) (bridge.JoinSummary, error) {
	return audited(ctx, a, "join", miniAppID, func(*entry) (bridge.JoinSummary, error) {
		_, miniID, err := a.MiniProgram(ctx, miniAppID)
		if err != nil {
			return bridge.JoinSummary{}, err
		}
		return bridge.Join(ctx, a.db, a.ID, miniID)
	})
}
