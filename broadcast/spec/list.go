package spec

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/wxcast"
)

var listKinds = []wxcast.ListKind{wxcast.ListOfOpenIDs, wxcast.ListOfUnionIDs, wxcast.ListOfMiniOpenIDs}

// ListFile is a CSV of people that a spec names: one column holds their openids,
// unionids or mini_openids, the others are variables.
type ListFile struct {
	File   string          // beside the spec, unless it is absolute
	By     wxcast.ListKind // the column of the ids; "" for the only one there is
	Digest string          // of its rows, part of the broadcast's content
	// KeepDamaged takes values that a spreadsheet has damaged for what they are.
	KeepDamaged bool

	key     string // where the spec names it
	path    string
	columns []string // the variables
}

// ListStore keeps lists.
type ListStore interface {
	FindList(ctx context.Context, accountID int64, digest string, kind wxcast.ListKind) (_ wxcast.List, found bool,
		err error)
	LoadList(ctx context.Context, accountID int64, digest string, kind wxcast.ListKind,
		rows func(yield func(wxcast.ListRow, error) bool)) (wxcast.List, error)
}

// openLists looks at the CSVs that the spec names.
func (s *Spec) openLists(dir string) error {
	var bad []error
	for _, l := range s.lists() {
		l.path = Beside(dir, l.File)
		if err := l.look(s); err != nil {
			bad = append(bad, err)
		}
	}
	if len(bad) == 0 && s.Audience.In != nil {
		bad = s.checkTexts(s.Audience.In.columns, false)
	}
	return errors.Join(bad...)
}

func (s *Spec) lists() []*ListFile {
	if s.Audience.In == nil {
		return s.Audience.NotIn
	}
	return append([]*ListFile{s.Audience.In}, s.Audience.NotIn...)
}

// look reads the whole file for its digest, and its header.
func (l *ListFile) look(s *Spec) error {
	f, err := os.Open(l.path)
	if err != nil {
		return s.Bad(l.key, wxcast.Say("list.unreadable", "file", l.File, "why", errors.Unwrap(err)),
			wxcast.Say("list.want_file"))
	}
	defer f.Close()
	csv, err := l.open(f)
	if err != nil {
		return err
	}
	if err := l.findColumns(csv.Columns); err != nil {
		return err
	}
	l.Digest, err = l.digest(csv)
	return err
}

// digest is over the rows: the ids and the variables, in the order of the variables' names. How
// the file is written, and what it is called, does not count. Rows that are bad count as they
// stand: they are told when the list is loaded.
func (l *ListFile) digest(csv *textfile.CSV) (string, error) {
	sum := sha256.New()
	variables := slices.Sorted(slices.Values(l.columns))
	for _, name := range variables {
		writeField(sum, name)
	}
	for {
		record, err := csv.Read()
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
		row, bad := l.row(csv.Columns, record)
		if bad != nil {
			for _, field := range record.Fields {
				writeField(sum, field)
			}
			continue
		}
		writeField(sum, row.ID)
		for _, name := range variables {
			writeField(sum, row.Vars[name])
		}
	}
}

// identity is whom the list holds.
func (l *ListFile) identity() string { return string(l.By) + ":" + l.Digest }

func (l *ListFile) open(in io.Reader) (*textfile.CSV, error) {
	text, err := textfile.Decode(in, l.File)
	if err != nil {
		return nil, err
	}
	if _, err := text.Peek(1); err != nil {
		return nil, l.bad(0, "", wxcast.Say("spec.empty"), wxcast.Say("list.want_columns"))
	}
	return textfile.NewCSV(text, l.File)
}

func (l *ListFile) bad(line int64, key string, problem, want wxcast.Sentence) *wxcast.BadInput {
	return &wxcast.BadInput{File: l.File, Line: int(line), Key: key, Problem: problem, Want: want}
}

// variableName is what may stand behind the dot in {{ .coupon }}.
var variableName = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

// findColumns finds the ids' column, and the variables among the others.
func (l *ListFile) findColumns(columns []string) error {
	var ids []wxcast.ListKind
	l.columns = []string{}
	seen := map[string]bool{}
	for _, column := range columns {
		kind := wxcast.ListKind(strings.ToLower(column))
		switch {
		case seen[column]:
			return l.bad(1, column, wxcast.Say("list.column_twice"), wxcast.Say("list.rename_one"))
		case slices.Contains(listKinds, kind):
			ids = append(ids, kind)
		case !variableName.MatchString(column):
			return l.bad(1, column, wxcast.Say("list.no_variable"), wxcast.Say("list.want_variable"))
		case slices.Contains(Variables, "."+column):
			return l.bad(1, column, wxcast.Say("list.own_variable"), wxcast.Say("list.rename_column"))
		default:
			l.columns = append(l.columns, column)
		}
		seen[column] = true
	}
	switch {
	case len(ids) == 0:
		return l.bad(1, "", wxcast.Say("list.no_ids", "columns", columns), wxcast.Say("list.want_id_column"))
	case l.By != "" && !slices.Contains(ids, l.By):
		return l.bad(1, string(l.By), wxcast.Say("list.no_such_column", "columns", columns),
			wxcast.Say("list.change_by"))
	case l.By == "" && len(ids) > 1:
		return l.bad(1, "", wxcast.Say("list.several_ids", "ids", fmt.Sprint(ids)),
			wxcast.Say("list.say_which", "shown", fmt.Sprintf("{file: %s, by: %s}", l.File, ids[0])))
	case l.By == "":
		l.By = ids[0]
	}
	return nil
}

// load finds the list in the store, or stores it.
func (l *ListFile) load(ctx context.Context, lists ListStore, s *Spec, accountID int64) (wxcast.List, error) {
	if l.Digest == "" {
		return wxcast.List{}, s.Bad(l.key, wxcast.Say("list.not_opened"), wxcast.Sentence{})
	}
	list, found, err := lists.FindList(ctx, accountID, l.Digest, l.By)
	if found || err != nil {
		return list, err
	}
	f, err := os.Open(l.path)
	if err != nil {
		return list, s.Bad(l.key, wxcast.Say("list.unreadable", "file", l.File, "why", errors.Unwrap(err)),
			wxcast.Sentence{})
	}
	defer f.Close()
	csv, err := l.open(f)
	if err != nil {
		return list, err
	}
	list, err = lists.LoadList(ctx, accountID, l.Digest, l.By, l.rows(csv))
	var twice *wxcast.DuplicateRowError
	if errors.As(err, &twice) {
		return list, l.bad(int64(twice.Line), string(l.By),
			wxcast.Say("list.twice", "id", twice.ID, "line", twice.First), wxcast.Say("list.want_one_row"))
	}
	return list, err
}

// badRowsShown is how many bad rows of a list an error names.
const badRowsShown = 20

// rows yields the list's rows. A bad one ends it, with all others that are bad.
func (l *ListFile) rows(csv *textfile.CSV) iter.Seq2[wxcast.ListRow, error] {
	return func(yield func(wxcast.ListRow, error) bool) {
		var bad []error
		for n := 0; ; n++ {
			record, err := csv.Read()
			if errors.Is(err, io.EOF) {
				if n == 0 {
					bad = append(bad, l.bad(1, "", wxcast.Say("list.no_rows"), wxcast.Say("list.want_rows")))
				}
				break
			}
			if err != nil {
				bad = append(bad, err)
				break
			}
			row, wrong := l.row(csv.Columns, record)
			if wrong != nil {
				bad = append(bad, l.bad(record.Line, wrong.column, wrong.problem, wrong.want))
				if len(bad) == badRowsShown {
					break
				}
				continue
			}
			if len(bad) == 0 && !yield(row, nil) {
				return
			}
		}
		if len(bad) > 0 {
			yield(wxcast.ListRow{}, errors.Join(bad...))
		}
	}
}

// faulty is what is wrong with a row.
type faulty struct {
	column        string
	problem, want wxcast.Sentence
}

func (l *ListFile) row(columns []string, record textfile.Record) (row wxcast.ListRow, bad *faulty) {
	if !record.Problem.IsZero() {
		return row, &faulty{string(l.By), record.Problem, wxcast.Say("list.want_fields", "n", len(columns))}
	}
	row = wxcast.ListRow{Line: int(record.Line), Vars: make(map[string]string, len(l.columns))}
	for i, column := range columns {
		value := strings.TrimSpace(strings.Clone(record.Fields[i]))
		switch {
		case strings.EqualFold(column, string(l.By)):
			row.ID = wxcast.TrimID(value)
		case !slices.Contains(l.columns, column):
		case damaged(value) && !l.KeepDamaged:
			return row, &faulty{column, wxcast.Say("list.damaged", "value", value), wxcast.Say("list.want_undamaged")}
		default:
			row.Vars[column] = value
		}
	}
	switch {
	case row.ID == "":
		return row, &faulty{string(l.By), wxcast.Say("spec.empty"), wxcast.Say("list.want_id")}
	case !wxcast.ValidID(row.ID):
		return row, &faulty{string(l.By), wxcast.Say("list.no_id", "id", row.ID, "kind", l.By),
			wxcast.Say("list.want_id_form")}
	}
	return row, nil
}

// What spreadsheets make of long numbers, and of formulas that went wrong.
var (
	scientific = regexp.MustCompile(`^[+-]?[0-9](\.[0-9]+)?[Ee]\+?[0-9]{1,3}$`)
	sheetError = regexp.MustCompile(`^#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|GETTING_DATA|#+)$`)
)

// damaged tells whether a value is what a spreadsheet, or a wrong encoding, left of one.
func damaged(value string) bool {
	return strings.ContainsRune(value, '\uFFFD') || scientific.MatchString(value) || sheetError.MatchString(value)
}

// ReadList reads a CSV of people on its own. Faults are *wxcast.BadInput, all that were
// found, and then there is no row behind them.
func ReadList(in io.Reader, name string) iter.Seq2[wxcast.ListRow, error] {
	return func(yield func(wxcast.ListRow, error) bool) {
		l := &ListFile{File: name}
		csv, err := l.open(in)
		if err == nil {
			err = l.findColumns(csv.Columns)
		}
		if err != nil {
			yield(wxcast.ListRow{}, err)
			return
		}
		l.rows(csv)(yield)
	}
}
