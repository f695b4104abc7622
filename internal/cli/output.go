package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// oneWriter lets one write after another: the log, progress and sentences come from several
// goroutines.
type oneWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *oneWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// print writes a result: one JSON object with --json, else what write writes.
func (a *app) print(result any, write func(w io.Writer)) error {
	if !a.json {
		write(a.Out)
		return nil
	}
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}

// say says something to people beside the result.
func (a *app) say(code string, pairs ...any) { fmt.Fprintln(a.Err, a.lang.T(code, pairs...)) }

// line writes a sentence of a result.
func (a *app) line(w io.Writer, code string, pairs ...any) { fmt.Fprintln(w, a.lang.T(code, pairs...)) }

// heads are a table's column heads.
func (a *app) heads(codes ...string) []string {
	all := make([]string, len(codes))
	for i, code := range codes {
		all[i] = a.lang.T("col." + code)
	}
	return all
}

// badFlag is a mistake in a flag or an argument.
func badFlag(name string, problem wxcast.Sentence, want ...wxcast.Sentence) error {
	bad := &wxcast.BadInput{Key: name, Problem: problem}
	if len(want) > 0 {
		bad.Want = want[0]
	}
	return bad
}

// outside is a number that is outside of its bounds.
func outside(name string, value, low, high any) error {
	return badFlag(name, wxcast.Say("input.whole", "value", value, "low", low, "high", high))
}

// confirm asks for a yes on a terminal; elsewhere there is nobody to ask.
func (a *app) confirm(question wxcast.Sentence) error {
	if !a.Asks {
		return nil
	}
	fmt.Fprint(a.Err, a.lang.Say(question)+" [y/N] ")
	answer, _ := bufio.NewReader(a.In).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return usageError{wxcast.NewError("cli.not_yes")}
	}
	return nil
}

// count, share and beijingMinute are how tables write numbers and times.
func count[N int | int64](n N) string { return text.Count(n) }

func share(part, whole int64) string { return text.Share(part, whole) }

func (a *app) minute(t time.Time) string { return a.lang.Minute(t) }

// sayErrors writes the errors of log lines in words.
func sayErrors(_ []string, attr slog.Attr) slog.Attr {
	switch v := attr.Value.Any().(type) {
	case error:
		attr.Value = slog.StringValue(text.English.Error(v, text.NoDoor, nil))
	case wxcast.Sentence:
		attr.Value = slog.StringValue(text.English.Say(v))
	}
	return attr
}
