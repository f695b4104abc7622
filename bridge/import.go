package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// CSV says where mini users stand in a CSV file.
type CSV struct {
	Name          string // of the file, for errors
	UnionIDColumn string // "unionid" when empty
	OpenIDColumn  string // "openid" when empty
}

// Rejected is a row that holds no mini user.
type Rejected struct {
	Line   int
	Reason string
}

// ImportSummary is what an import did. Rows = Inserted + Updated + Rejected +
// those that were stored already.
type ImportSummary struct {
	Rows     int64 `json:"rows"`
	Inserted int64 `json:"inserted"`
	Updated  int64 `json:"updated"`
	Rejected int64 `json:"rejected"`
}

// ImportCSV stores the mini users of a CSV file with a header. A row without a
// usable unionid or openid is told to reject and left out; a file whose form is
// broken is a *wxcast.BadInput, and then nothing at all is stored.
func ImportCSV(ctx context.Context, store Store, miniID int64, in io.Reader, format CSV, reject func(Rejected)) (ImportSummary, error) {
	var s ImportSummary
	users := readCSV(in, format, func(r Rejected) {
		s.Rejected++
		reject(r)
	}, &s.Rows)
	var err error
	if s.Inserted, s.Updated, err = store.ImportMiniUsers(ctx, miniID, users); err != nil {
		return ImportSummary{}, err
	}
	return s, nil
}

// readCSV yields the good rows of a file, counts all, and ends with the first
// fault of its form.
func readCSV(in io.Reader, format CSV, reject func(Rejected), rows *int64) iter.Seq2[wxcast.MiniUser, error] {
	return func(yield func(wxcast.MiniUser, error) bool) {
		buffered := bufio.NewReaderSize(in, 64<<10)
		if bom, err := buffered.Peek(3); err == nil && bytes.Equal(bom, []byte("\uFEFF")) {
			_, _ = buffered.Discard(3)
		}
		r := csv.NewReader(buffered)
		r.ReuseRecord = true
		unionIDAt, openIDAt, err := readHeader(r, format)
		if err != nil {
			yield(wxcast.MiniUser{}, err)
			return
		}
		for {
			record, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(wxcast.MiniUser{}, format.broken(err))
				return
			}
			*rows++
			line, _ := r.FieldPos(0)
			unionid, openid := strings.TrimSpace(record[unionIDAt]), strings.TrimSpace(record[openIDAt])
			if reason := checkID(format.unionIDColumn(), unionid); reason != "" {
				reject(Rejected{line, reason})
				continue
			}
			if reason := checkID(format.openIDColumn(), openid); reason != "" {
				reject(Rejected{line, reason})
				continue
			}
			// Clone: the record's memory is used again for the next row.
			if !yield(wxcast.MiniUser{UnionID: wxcast.UnionID(strings.Clone(unionid)), MiniOpenID: wxcast.MiniOpenID(strings.Clone(openid))}, nil) {
				return
			}
		}
	}
}

func readHeader(r *csv.Reader, format CSV) (unionIDAt, openIDAt int, err error) {
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return 0, 0, &wxcast.BadInput{File: format.Name, Problem: "is empty", Want: "its first line must name the columns, such as unionid,openid"}
	}
	if err != nil {
		return 0, 0, format.broken(err)
	}
	columns := map[string]int{}
	names := make([]string, len(header))
	for i, name := range header {
		if !utf8.ValidString(name) {
			return 0, 0, &wxcast.BadInput{File: format.Name, Line: 1, Problem: "is not UTF-8", Want: "save the file as UTF-8 (in Excel: CSV UTF-8)"}
		}
		names[i] = strings.Clone(strings.TrimSpace(name))
		columns[strings.ToLower(names[i])] = i
	}
	at := func(column, flag string) (int, error) {
		i, ok := columns[strings.ToLower(column)]
		if !ok {
			return 0, &wxcast.BadInput{
				File: format.Name, Line: 1, Key: column,
				Problem: "there is no such column; the file has " + strings.Join(names, ", "),
				Want:    suggest.For(column, names) + " Name it with " + flag,
			}
		}
		return i, nil
	}
	if unionIDAt, err = at(format.unionIDColumn(), "--unionid-column"); err != nil {
		return 0, 0, err
	}
	openIDAt, err = at(format.openIDColumn(), "--openid-column")
	return unionIDAt, openIDAt, err
}

// broken makes a sentence of a fault in the file's form.
func (f CSV) broken(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	bad := &wxcast.BadInput{File: f.Name, Line: parse.Line, Problem: parse.Err.Error(), Want: "nothing was imported"}
	switch {
	case errors.Is(parse.Err, csv.ErrFieldCount):
		bad.Problem, bad.Want = "the row has not as many fields as the header", "mend or delete the row; nothing was imported"
	case errors.Is(parse.Err, csv.ErrQuote), errors.Is(parse.Err, csv.ErrBareQuote):
		bad.Problem, bad.Want = `a " is not closed, or stands inside a field without quotes`, `write "" for a quote inside a quoted field; nothing was imported`
	}
	return bad
}

// idMax is far above WeChat's 28 or 29 characters.
const idMax = 128

// checkID says why an id is none; "" when it is good.
func checkID(column, id string) string {
	switch {
	case id == "" || strings.EqualFold(id, "null"):
		return column + " is empty"
	case len(id) > idMax:
		return fmt.Sprintf("%s has %d characters", column, len(id))
	case strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII }):
		return column + " holds a character that no id has"
	}
	return ""
}

func (f CSV) unionIDColumn() string {
	if f.UnionIDColumn == "" {
		return "unionid"
	}
	return f.UnionIDColumn
}

func (f CSV) openIDColumn() string {
	if f.OpenIDColumn == "" {
		return "openid"
	}
	return f.OpenIDColumn
}
