// Package table aligns rows in columns, as a terminal shows them: a Chinese
// character is two columns wide, which text/tabwriter does not know.
package table

import (
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/wxcast/wxcast/internal/foreign"
)

// gap stands between two columns.
const gap = "  "

// Write writes the rows with their columns aligned, each line indented. Control characters of
// a cell are shown as escapes: they may be a stranger's.
func Write(w io.Writer, indent string, rows ...[]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			cell = foreign.Visible(cell, false)
			row[i] = cell
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		line.WriteString(indent)
		for i, cell := range row {
			line.WriteString(runewidth.FillRight(cell, widths[i]) + gap)
		}
		_, _ = io.WriteString(w, strings.TrimRight(line.String(), " ")+"\n") // a closed pipe: nobody to tell
	}
}
