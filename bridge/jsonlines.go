package bridge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func readJSONLines(in *bufio.Reader, name string, columns Columns, yield func(Row, error) bool) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, textfile.Sniffed), textfile.RowMax)
	line, checked := int64(0), false
	for lines.Scan() {
		line++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		row := Row{Line: line}
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil || object == nil {
			row.Problem = wxcast.Say("import.no_object")
		} else {
			if !checked { // the first object stands for the file's columns
				if _, _, err := findColumns(name, slices.Sorted(maps.Keys(object)), columns); err != nil {
					yield(Row{}, err)
					return
				}
				checked = true
			}
			row.UnionID, row.Problem = field(object, columns.UnionID)
			if row.Problem.IsZero() {
				row.OpenID, row.Problem = field(object, columns.OpenID)
			}
		}
		if !yield(row, nil) {
			return
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = textfile.ErrRowTooLong
	}
	if err != nil && !errors.Is(err, io.EOF) {
		yield(Row{}, textfile.Unreadable(name, line+1, err))
	}
}

// field is an id in an object; "" when it is absent or null.
func field(object map[string]any, column string) (value string, problem wxcast.Sentence) {
	v, ok := object[column]
	if !ok {
		for name, other := range object {
			if strings.EqualFold(name, column) {
				v = other
				break
			}
		}
	}
	switch v := v.(type) {
	case nil:
		return "", problem
	case string:
		return v, problem
	}
	return "", wxcast.Say("import.no_string", "column", column)
}
