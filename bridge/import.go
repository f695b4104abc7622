package bridge

import (
	"context"
	"iter"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Row is one row of a source of mini users, before it is checked.
type Row struct {
	Line    int64 // of the file, or the row's number where there is no file; from 1
	UnionID string
	OpenID  string // in the mini program
	// Problem says why the row cannot be read; zero when it can.
	Problem wxcast.Sentence
}

// Columns names where a source keeps the ids; case is ignored.
type Columns struct {
	UnionID string
	OpenID  string
}

// Rejected is a row that holds no mini user.
type Rejected struct {
	Row
	Reason wxcast.Sentence
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
	AccountID, MiniID int64
	Source            string // the source's name, for errors
	// Strict makes any bad row fail the whole import.
	Strict bool
	// Replace removes the mini users that the source lacks, but never more than
	// MaxRemoveShare (0 to 1) of them.
	Replace        bool
	MaxRemoveShare float64
	// Reject is told each bad row.
	Reject func(Rejected)
}

// ctxEvery is after how many rows an import looks whether it is still wanted.
const ctxEvery = 1000

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
			if s.Rows++; s.Rows%ctxEvery == 0 && ctx.Err() != nil { // who asked has gone
				yield(wxcast.MiniUser{}, ctx.Err())
				return
			}
			user, reason := check(row)
			if reason.IsZero() {
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
				yield(user, &wxcast.BadInput{File: o.Source, Line: int(row.Line), Problem: reason,
					Want: wxcast.Say("import.strict")})
				return
			}
			o.Reject(rejected)
		}
		if s.Rows == 0 {
			yield(wxcast.MiniUser{}, &wxcast.BadInput{File: o.Source, Problem: wxcast.Say("import.no_rows"),
				Want: wxcast.Say("import.want_rows")})
			return
		}
		if s.Rows == s.Rejected {
			yield(wxcast.MiniUser{}, &wxcast.BadInput{
				File: o.Source, Line: int(first.Line),
				Problem: wxcast.Say("import.no_good_row", "reason", first.Reason, "rows", s.Rows),
				Want:    wxcast.Say("import.want_columns"),
			})
		}
	}
	counts, err := store.ImportMiniUsers(ctx, o.AccountID, o.MiniID, users,
		wxcast.ImportMode{Replace: o.Replace, MaxRemoveShare: o.MaxRemoveShare})
	if err != nil {
		return ImportSummary{}, err
	}
	s.Inserted, s.Updated, s.Removed = counts.Inserted, counts.Updated, counts.Removed
	return s, nil
}

// check makes a mini user of a row, or says why it holds none.
func check(row Row) (wxcast.MiniUser, wxcast.Sentence) {
	unionid, openid := wxcast.TrimID(row.UnionID), wxcast.TrimID(row.OpenID)
	if !row.Problem.IsZero() {
		return wxcast.MiniUser{}, row.Problem
	}
	if reason := checkID("unionid", unionid); !reason.IsZero() {
		return wxcast.MiniUser{}, reason
	}
	if reason := checkID("openid", openid); !reason.IsZero() {
		return wxcast.MiniUser{}, reason
	}
	return wxcast.MiniUser{UnionID: wxcast.UnionID(unionid), MiniOpenID: wxcast.MiniOpenID(openid)}, wxcast.Sentence{}
}

// idMax is far above WeChat's 28 or 29 characters.
const idMax = 128

// checkID says why an id is none; zero when it is good.
func checkID(column, id string) wxcast.Sentence {
	switch {
	case id == "" || strings.EqualFold(id, "null") || id == `\N`: // as MySQL exports NULL
		return wxcast.Say("import.id_empty", "column", column)
	case len(id) > idMax:
		return wxcast.Say("import.id_long", "column", column, "n", len(id))
	case !wxcast.ValidID(id):
		return wxcast.Say("import.id_character", "column", column)
	}
	return wxcast.Sentence{}
}
