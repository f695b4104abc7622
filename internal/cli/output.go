package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// print writes a result: one JSON object with --json, else what text writes.
func (a *app) print(result any, text func(w io.Writer)) error {
	if !a.json {
		text(a.Out)
		return nil
	}
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}

// say writes a line for people beside the result.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.Err, format+"\n", args...) }

// count writes a number with thousands apart: 1,234,567.
func count[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// share writes part of whole in percent; "–" of nothing.
func share(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}
