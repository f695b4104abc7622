package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
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

// confirm asks for a yes on a terminal; elsewhere there is nobody to ask.
func (a *app) confirm(question string) error {
	if !a.Asks {
		return nil
	}
	fmt.Fprint(a.Err, question+" [y/N] ")
	answer, _ := bufio.NewReader(a.In).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return usageError{errors.New("nothing was done: the answer was not yes")}
	}
	return nil
}

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

// beijingMinute is a time as tables have it.
func beijingMinute(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.In(wxcast.Beijing).Format("2006-01-02 15:04")
}
