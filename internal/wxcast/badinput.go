package wxcast

import (
	"fmt"
	"strings"
)

// BadInput is a mistake in something a person wrote: a spec, a CSV, a flag. It
// says where, what is wrong and what would be right. Commands exit with 2 on it.
type BadInput struct {
	File    string // "" when it did not come from a file
	Line    int    // 0 when no line is known
	Key     string // key, column or flag; "" when the whole input is meant
	Problem string // what is wrong, with the value
	Want    string // what would be right; may be ""
}

func (e *BadInput) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	} else if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	if e.Want != "" {
		b.WriteString("; " + e.Want)
	}
	return b.String()
}
