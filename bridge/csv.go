package bridge

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func readCSV(in *bufio.Reader, name string, columns Columns, yield func(Row, error) bool) {
	r, err := textfile.NewCSV(in, name)
	if err != nil {
		yield(Row{}, err)
		return
	}
	unionIDAt, openIDAt, err := findColumns(name, r.Columns, columns)
	if err != nil {
		yield(Row{}, err)
		return
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(Row{}, err)
			return
		}
		row := Row{Line: record.Line, Problem: record.Problem}
		if row.Problem.IsZero() {
			// Clone: the record's memory is used again for the next row.
			row.UnionID, row.OpenID = strings.Clone(record.Fields[unionIDAt]), strings.Clone(record.Fields[openIDAt])
		}
		if !yield(row, nil) {
			return
		}
	}
}

// findColumns finds the ids among a source's columns.
func findColumns(source string, names []string, columns Columns) (unionIDAt, openIDAt int, err error) {
	at := func(column, key string) (int, error) {
		found := -1
		for i, name := range names {
			if !strings.EqualFold(name, column) {
				continue
			}
			if found >= 0 {
				return 0, &wxcast.BadInput{File: source, Line: 1, Key: column,
					Problem: wxcast.Say("import.two_columns"), Want: wxcast.Say("import.want_other_" + key)}
			}
			found = i
		}
		if found >= 0 {
			return found, nil
		}
		return 0, &wxcast.BadInput{
			File: source, Line: 1, Key: column,
			Problem: wxcast.Say("import.no_column", "columns", names),
			Want:    wxcast.Say("import.want_"+key, "meant", suggest.For(column, names)),
		}
	}
	if unionIDAt, err = at(columns.UnionID, "unionid_column"); err != nil {
		return 0, 0, err
	}
	openIDAt, err = at(columns.OpenID, "openid_column")
	return unionIDAt, openIDAt, err
}
