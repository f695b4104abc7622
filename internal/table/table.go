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
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], runewidth.StringWidth(visible(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		line.WriteString(indent)
		for i, cell := range row {
			line.WriteString(runewidth.FillRight(visible(cell), widths[i]) + gap)
		}
		_, _ = io.WriteString(w, strings.TrimRight(line.String(), " ")+"\n") // a closed pipe: nobody to tell
	}
}

// visible is a cell on one line, without what could command a terminal.
func visible(cell string) string { return foreign.Visible(strings.ReplaceAll(cell, "\n", " "), false) }
