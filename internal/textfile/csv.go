package textfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// CSV reads a decoded CSV file whose first row names the columns. Commas, tabs and
// semicolons part the fields, whichever the header has.
type CSV struct {
	Columns []string

	name    string
	bounded *boundedRows
	csv     *csv.Reader
	line    int64
}

// Record is one row. Its fields are valid until the next is read.
type Record struct {
	Line   int64 // where it begins, from 1
	Fields []string
	// Problem says why the row cannot be read; the next one may be readable.
	Problem wxcast.Sentence
}

// boundedRows fails when the reader behind it takes more than RowMax for one row.
type boundedRows struct {
	in   io.Reader
	left int // bytes, until the row is too long
}

func (b *boundedRows) next() { b.left = RowMax }

func (b *boundedRows) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrRowTooLong
	}
	n, err := b.in.Read(p)
	b.left -= n
	return n, err
}

// NewCSV reads the header. name stands in errors.
func NewCSV(in *bufio.Reader, name string) (*CSV, error) {
	c := &CSV{name: name, bounded: &boundedRows{in: in, left: RowMax}, line: 1}
	c.csv = csv.NewReader(c.bounded)
	c.csv.ReuseRecord = true
	c.csv.FieldsPerRecord = -1
	c.csv.Comma = separator(in)
	header, err := c.csv.Read()
	if err != nil {
		return nil, c.broken(err)
	}
	for _, column := range header {
		c.Columns = append(c.Columns, strings.Clone(strings.TrimSpace(column)))
	}
	return c, nil
}

// Read returns the next row, io.EOF after the last, or a *wxcast.BadInput when the
// file cannot be read any further.
func (c *CSV) Read() (Record, error) {
	c.line++
	c.bounded.next()
	fields, err := c.csv.Read()
	if errors.Is(err, io.EOF) {
		return Record{}, io.EOF
	}
	r := Record{Fields: fields}
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse) && parse.StartLine == parse.Line:
		r.Line, r.Problem = int64(parse.Line), wxcast.Say("file.quote_inside")
	case err != nil:
		return r, c.broken(err)
	default:
		at, _ := c.csv.FieldPos(0)
		r.Line = int64(at)
		if len(fields) != len(c.Columns) {
			r.Problem = wxcast.Say("file.fields", "n", len(fields), "header", len(c.Columns))
		}
	}
	c.line = r.Line
	return r, nil
}

// separator is what parts the header's columns: a comma, a tab or a semicolon.
func separator(in *bufio.Reader) rune {
	head, _ := in.Peek(Sniffed)
	first, _, _ := bytes.Cut(head, []byte("\n"))
	for _, r := range []rune{',', '\t', ';'} {
		if bytes.ContainsRune(first, r) {
			return r
		}
	}
	return ','
}

// broken makes a sentence of a fault that ends the reading.
func (c *CSV) broken(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return Unreadable(c.name, c.line, err)
	}
	return &wxcast.BadInput{
		File: c.name, Line: parse.StartLine, Problem: wxcast.Say("file.quote_open"),
		Want: wxcast.Say("file.want_quotes"),
	}
}
