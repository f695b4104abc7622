package bridge

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// rowMax keeps a quote that is never closed from swallowing the file into memory.
const rowMax = 1 << 20

var errRowTooLong = errors.New("row too long")

// boundedRows fails when the reader behind it takes more than rowMax for one row.
type boundedRows struct {
	in   io.Reader
	left int // bytes, until the row is too long
}

func (b *boundedRows) next() { b.left = rowMax }

func (b *boundedRows) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := b.in.Read(p)
	b.left -= n
	return n, err
}

func readCSV(in *bufio.Reader, name string, columns Columns, yield func(Row, error) bool) {
	bounded := &boundedRows{in: in, left: rowMax}
	r := csv.NewReader(bounded)
	r.ReuseRecord = true
	r.FieldsPerRecord = -1
	r.Comma = separator(in)
	header, err := r.Read()
	if err != nil {
		yield(Row{}, brokenCSV(name, 1, err))
		return
	}
	names := make([]string, len(header))
	for i, column := range header {
		names[i] = strings.Clone(strings.TrimSpace(column))
	}
	unionIDAt, openIDAt, err := findColumns(name, names, columns)
	if err != nil {
		yield(Row{}, err)
		return
	}
	for line := int64(2); ; line++ {
		bounded.next()
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		row := Row{}
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse) && parse.StartLine == parse.Line:
			row.Line, row.Problem = int64(parse.Line), `a " stands inside a field without quotes, or is not closed`
		case err != nil:
			yield(Row{}, brokenCSV(name, line, err))
			return
		default:
			at, _ := r.FieldPos(0)
			row.Line = int64(at)
			if len(record) != len(names) {
				row.Problem = fmt.Sprintf("the row has %d fields and the header %d", len(record), len(names))
				break
			}
			// Clone: the record's memory is used again for the next row.
			row.UnionID, row.OpenID = strings.Clone(record[unionIDAt]), strings.Clone(record[openIDAt])
		}
		line = row.Line
		if !yield(row, nil) {
			return
		}
	}
}

// separator is what parts the header's columns: a comma, a tab or a semicolon.
func separator(in *bufio.Reader) rune {
	head, _ := in.Peek(sniffed)
	first, _, _ := bytes.Cut(head, []byte("\n"))
	for _, r := range []rune{',', '\t', ';'} {
		if bytes.ContainsRune(first, r) {
			return r
		}
	}
	return ','
}

// findColumns finds the ids among a source's columns.
func findColumns(source string, names []string, columns Columns) (unionIDAt, openIDAt int, err error) {
	at := func(column, flag string) (int, error) {
		found := -1
		for i, name := range names {
			if !strings.EqualFold(name, column) {
				continue
			}
			if found >= 0 {
				return 0, &wxcast.BadInput{File: source, Line: 1, Key: column, Problem: "there are two such columns", Want: "name another one with " + flag}
			}
			found = i
		}
		if found >= 0 {
			return found, nil
		}
		return 0, &wxcast.BadInput{
			File: source, Line: 1, Key: column,
			Problem: "there is no such column; the source has " + strings.Join(names, ", "),
			Want:    suggest.For(column, names) + " Name it with " + flag,
		}
	}
	if unionIDAt, err = at(columns.UnionID, "--unionid-column"); err != nil {
		return 0, 0, err
	}
	openIDAt, err = at(columns.OpenID, "--openid-column")
	return unionIDAt, openIDAt, err
}

// brokenCSV makes a sentence of a fault that ends the reading.
func brokenCSV(name string, line int64, err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return unreadable(name, line, err)
	}
	return &wxcast.BadInput{
		File: name, Line: parse.StartLine, Problem: `a " is opened here and not closed on its line`,
		Want: `write "" for a quote inside a quoted field; nothing was imported`,
	}
}
