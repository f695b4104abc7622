package wxcast

import (
	"fmt"
	"strings"
)

// BadInput is a mistake in something a person wrote: a spec, a CSV, an argument. It
// says where, what is wrong and what would be right. Commands exit with 2 on it, the API
// answers 422.
type BadInput struct {
	File string // "" when it did not come from a file
	Line int    // 0 when no line is known
	// Key is a key of a spec, a column, or what an argument is called in JSON
	// ("on_bad_value"): a door writes it as its readers do. "" when the whole input is meant.
	Key     string
	Problem Sentence // what is wrong, with the value
	Want    Sentence // what would be right; may be zero
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
	b.WriteString(e.Problem.String())
	if !e.Want.IsZero() {
		b.WriteString("; " + e.Want.String())
	}
	return b.String()
}
