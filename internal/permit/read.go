// Package permit reads ledgers of consents that a company kept itself.
package permit

import (
	"errors"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Columns are those of a ledger's file, with more columns ignored.
var Columns = []string{"mini_openid", "template_id", "count"}

// most is how many messages one person can allow by one template: more is a slip.
const most = 1_000_000

// TemplateID is what a template's id looks like.
var TemplateID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Row is one line of a ledger.
type Row struct {
	Line int64 // from 1
	wxcast.PermitBalance
	// Problem says why it is none; zero where it is one.
	Problem wxcast.Sentence
}

// Read yields the rows of a CSV file with the columns mini_openid, template_id and count, in
// any encoding that textfile knows. Errors are *wxcast.BadInput.
func Read(in io.Reader, name string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		text, err := textfile.Decode(in, name)
		if err != nil {
			yield(Row{}, err)
			return
		}
		if _, err := text.Peek(1); err != nil {
			yield(Row{}, bad(name, 0, "", wxcast.Say("file.empty")))
			return
		}
		csv, err := textfile.NewCSV(text, name)
		if err != nil {
			yield(Row{}, err)
			return
		}
		places := make([]int, len(Columns))
		for i, column := range Columns {
			places[i] = slices.IndexFunc(csv.Columns, func(c string) bool { return strings.EqualFold(c, column) })
			if places[i] < 0 {
				yield(Row{}, bad(name, 1, column, wxcast.Say("permits.no_column")))
				return
			}
		}
		rows := 0
		for {
			record, err := csv.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				yield(Row{}, err)
				return
			}
			if rows++; !yield(row(record, places), nil) {
				return
			}
		}
		if rows == 0 {
			yield(Row{}, bad(name, 0, "", wxcast.Say("permits.no_rows")))
		}
	}
}

func bad(name string, line int, key string, problem wxcast.Sentence) error {
	return &wxcast.BadInput{File: name, Line: line, Key: key, Problem: problem,
		Want: wxcast.Say("permits.want_columns")}
}

func row(record textfile.Record, places []int) Row {
	r := Row{Line: record.Line, Problem: record.Problem}
	if !r.Problem.IsZero() {
		return r
	}
	field := func(i int) string { return strings.Clone(strings.TrimSpace(record.Fields[places[i]])) }
	id, template := field(0), field(1)
	count, err := strconv.ParseInt(field(2), 10, 64)
	switch {
	case !wxcast.ValidID(id):
		r.Problem = wxcast.Say("permits.no_id", "value", id)
	case !TemplateID.MatchString(template):
		r.Problem = wxcast.Say("permits.no_template", "value", template)
	case err != nil || count < 0 || count > most:
		r.Problem = wxcast.Say("permits.no_count", "value", field(2))
	}
	r.PermitBalance = wxcast.PermitBalance{TemplateID: template, Recipient: wxcast.Recipient(id), Messages: count}
	return r
}
