package bridge

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"unicode"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Row is one row of a source of mini users, before it is checked.
type Row struct {
	Line    int64 // of the file, or the row's number where there is no file; from 1
	UnionID string
	OpenID  string // in the mini program
	// Problem says why the row cannot be read; "" when it can.
	Problem string
}

// Columns names where a source keeps the ids; case is ignored.
type Columns struct {
	UnionID string
	OpenID  string
}

// Rejected is a row that holds no mini user.
type Rejected struct {
	Row
	Reason string
}

// ImportSummary is what an import did. Rows = Inserted + Updated + Rejected +
// those that were stored already.
type ImportSummary struct {
	Rows     int64 `json:"rows"`
	Inserted int64 `json:"inserted"`
	Updated  int64 `json:"updated"`
	Removed  int64 `json:"removed"`
	Rejected int64 `json:"rejected"`
}

// ImportOptions say how to import.
type ImportOptions struct {
	MiniID int64
	Source string // the source's name, for errors
	// Strict makes any bad row fail the whole import.
	Strict bool
	// Replace removes the mini users that the source lacks, but never more than
	// MaxRemoveShare (0 to 1) of them.
	Replace        bool
	MaxRemoveShare float64
	// Reject is told each bad row.
	Reject func(Rejected)
}

// Import stores the mini users of a source, in one transaction. A bad row is told
// to Reject and left out; a source that cannot be read to its end, that has no good
// row at all, or that has a bad one where Strict forbids it, is an error, and then
// nothing at all is stored. Mistakes in the source are *wxcast.BadInput.
func Import(ctx context.Context, store Store, rows iter.Seq2[Row, error], o ImportOptions) (ImportSummary, error) {
	var s ImportSummary
	var first *Rejected
	users := func(yield func(wxcast.MiniUser, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(wxcast.MiniUser{}, err)
				return
			}
			s.Rows++
			user, reason := check(row)
			if reason == "" {
				if !yield(user, nil) {
					return
				}
				continue
			}
			rejected := Rejected{row, reason}
			if s.Rejected++; first == nil {
				first = &rejected
			}
			if o.Strict {
				yield(user, &wxcast.BadInput{File: o.Source, Line: int(row.Line), Problem: wxcast.Plain(reason), Want: wxcast.Plain("nothing was imported, because of --strict")})
				return
			}
			o.Reject(rejected)
		}
		if s.Rows > 0 && s.Rows == s.Rejected {
			yield(wxcast.MiniUser{}, &wxcast.BadInput{
				File: o.Source, Line: int(first.Line), Problem: wxcast.Plain(fmt.Sprintf("%s, and none of the %d rows can be used", first.Reason, s.Rows)),
				Want: wxcast.Plain("are these the right columns? Name them with --unionid-column and --openid-column"),
			})
		}
	}
	counts, err := store.ImportMiniUsers(ctx, o.MiniID, users, wxcast.ImportMode{Replace: o.Replace, MaxRemoveShare: o.MaxRemoveShare})
	if err != nil {
		return ImportSummary{}, err
	}
	s.Inserted, s.Updated, s.Removed = counts.Inserted, counts.Updated, counts.Removed
	return s, nil
}

// check makes a mini user of a row, or says why it holds none.
func check(row Row) (wxcast.MiniUser, string) {
	unionid, openid := strings.TrimSpace(row.UnionID), strings.TrimSpace(row.OpenID)
	if row.Problem != "" {
		return wxcast.MiniUser{}, row.Problem
	}
	if reason := checkID("unionid", unionid); reason != "" {
		return wxcast.MiniUser{}, reason
	}
	if reason := checkID("openid", openid); reason != "" {
		return wxcast.MiniUser{}, reason
	}
	return wxcast.MiniUser{UnionID: wxcast.UnionID(unionid), MiniOpenID: wxcast.MiniOpenID(openid)}, ""
}

// idMax is far above WeChat's 28 or 29 characters.
const idMax = 128

// checkID says why an id is none; "" when it is good.
func checkID(column, id string) string {
	switch {
	case id == "" || strings.EqualFold(id, "null") || id == `\N`: // as MySQL exports NULL
		return column + " is empty"
	case len(id) > idMax:
		return fmt.Sprintf("%s has %d characters", column, len(id))
	case strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII }):
		return column + " holds a character that no id has"
	}
	return ""
}
