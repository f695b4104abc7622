// Package text has every sentence that a person reads, by its code, in Chinese and in
// English. One file has the sentences of one room. A sentence names what fills it in:
// {name}, or {name:form} where it is written in a form: see write.
package text

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Lang is a language.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Langs are all, the default first.
var Langs = []Lang{English, Chinese}

// Parse reads a language's name; false for one that there is not.
func Parse(name string) (Lang, bool) {
	for _, l := range Langs {
		if name == string(l) {
			return l, true
		}
	}
	return English, false
}

// FromEnv is the language that LC_ALL, LC_MESSAGES or LANG ask for: Chinese where the first
// of them that is set begins with zh, English elsewhere.
func FromEnv(getenv func(string) string) Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			if strings.HasPrefix(strings.ToLower(value), "zh") {
				return Chinese
			}
			return English
		}
	}
	return English
}

// words are one sentence in both languages.
type words struct{ EN, ZH string }

func (w words) in(l Lang) string {
	if l == Chinese {
		return w.ZH
	}
	return w.EN
}

// catalog is all rooms' sentences.
var catalog = map[string]words{}

// add is called by each file for its room's sentences. A code belongs to one room.
func add(room map[string]words) bool {
	for code := range room {
		if _, twice := catalog[code]; twice {
			panic("internal/text: two sentences have the code " + code)
		}
	}
	maps.Copy(catalog, room)
	return true
}

// Door is where a sentence is said. Some sentences end with a hint for one door.
type Door string

// The doors. An alert has none: it gets no hint.
const (
	NoDoor  Door = ""
	CLI     Door = "cli"
	API     Door = "api"
	Console Door = "console"
)

// Say says a sentence. One whose code is not known (a newer wxcast stored it) is said as
// its code with what fills it in.
func (l Lang) Say(s wxcast.Sentence) string {
	if s.IsZero() {
		return ""
	}
	w, ok := catalog[s.Code]
	if !ok {
		return s.String()
	}
	return l.fill(w.in(l), s)
}

// T says the sentence of a code: T("sync.none") for short.
func (l Lang) T(code string, pairs ...any) string { return l.Say(wxcast.Say(code, pairs...)) }

// Lookup is the words of a code without anything filled in; false for a code that there is not.
func (l Lang) Lookup(code string) (string, bool) {
	w, ok := catalog[code]
	return w.in(l), ok
}

// AnyBegins tells whether there is a sentence whose code begins so.
func AnyBegins(prefix string) bool {
	for code := range catalog {
		if strings.HasPrefix(code, prefix) {
			return true
		}
	}
	return false
}

// Hint is what a door adds to a sentence; "" for nothing. Its words stand in the catalog
// under the sentence's code, a slash and the door.
func (l Lang) Hint(s wxcast.Sentence, d Door) string {
	if w, ok := catalog[s.Code+"/"+string(d)]; ok && d != NoDoor {
		return l.fill(w.in(l), s)
	}
	return ""
}

// SayAt says a sentence with the door's hint.
func (l Lang) SayAt(s wxcast.Sentence, d Door) string {
	said := l.Say(s)
	if hint := l.Hint(s, d); hint != "" {
		return said + l.between() + hint
	}
	return said
}

// between parts what is wrong from what would be right.
func (l Lang) between() string {
	if l == Chinese {
		return "；"
	}
	return "; "
}

// places are where a sentence is filled in. {{ }} is a spec's own, and any other braces are
// what they are, as in data: {thing1: "…"}.
var places = regexp.MustCompile(`\{\{.*?\}\}|\{\w+(?::\w+)?\}`)

// fill writes the arguments into the words.
func (l Lang) fill(words string, s wxcast.Sentence) string {
	return places.ReplaceAllStringFunc(words, func(place string) string {
		name, form, _ := strings.Cut(strings.Trim(place, "{}"), ":")
		value, ok := s.Arg(name)
		if !ok || strings.HasPrefix(place, "{{") {
			return place
		}
		return foreign.Visible(l.write(value, form), true)
	})
}

// Error says an error, a line for each of those that were joined. key writes the key of a
// *wxcast.BadInput as the door's readers do; nil leaves it.
func (l Lang) Error(err error, d Door, key func(string) string) string {
	var lines []string
	for _, one := range leaves(err) {
		lines = append(lines, l.oneError(one, d, key))
	}
	return strings.Join(lines, "\n")
}

// leaves are the errors that were joined.
func leaves(err error) []error {
	if _, ok := err.(wxcast.Said); ok {
		return []error{err} // it says what there is to say of its causes
	}
	if wrapped := errors.Unwrap(err); wrapped != nil {
		if inner := leaves(wrapped); len(inner) > 1 {
			return inner
		}
		return []error{err}
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() { // fmt.Errorf with several %w
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

func (l Lang) oneError(err error, d Door, key func(string) string) string {
	var bad *wxcast.BadInput
	if errors.As(err, &bad) {
		return l.badInput(bad, d, key)
	}
	var said wxcast.Said
	if errors.As(err, &said) {
		return l.SayAt(said.Sentence(), d)
	}
	return foreign.Visible(err.Error(), true)
}

func (l Lang) badInput(e *wxcast.BadInput, d Door, key func(string) string) string {
	var b strings.Builder
	switch {
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", e.File, e.Line)
	case e.File != "":
		b.WriteString(e.File + ": ")
	case e.Line > 0:
		b.WriteString(l.T("input.line", "line", e.Line) + ": ")
	}
	if e.Key != "" {
		name := e.Key
		if key != nil && e.File == "" {
			name = key(name)
		}
		b.WriteString(name + ": ")
	}
	b.WriteString(l.Say(e.Problem))
	if !e.Want.IsZero() {
		b.WriteString(l.between() + l.SayAt(e.Want, d))
	}
	if hint := l.Hint(e.Problem, d); hint != "" {
		b.WriteString(l.between() + hint)
	}
	return b.String()
}
