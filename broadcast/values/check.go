package values

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// keyInSpec is what a key of a template looks like.
var keyInSpec = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// Field reads a part's values.
func Field(p *spec.Parser, dest map[string]string) spec.Field {
	return p.Values(dest, keyInSpec, wxcast.Say("template.no_key"), wxcast.Say("template.want_data"))
}

// Texts adds the values to a part's texts, by key.
func Texts(texts, data map[string]string) {
	for key, text := range data {
		texts[dataKey(key)] = text
	}
}

// Identity writes the values, each by its key.
func Identity(data map[string]string, write func(name, value string)) {
	for _, key := range slices.Sorted(maps.Keys(data)) {
		write(dataKey(key), data[key])
	}
}

// Templates are WeChat's, and what a part's values are held against beside them.
type Templates struct {
	All     []wechat.Template
	Rules   Rules
	Allowed map[string][]string // see Compile
	// NoSuch says that the part's template is not there, None what to do where there is none.
	NoSuch, None wxcast.Sentence
}

// Check holds a part's values against its template: it exists, its keys are those of the spec,
// and constant values fit them.
func (w Templates) Check(s *spec.Spec, part spec.Part, id string, data map[string]string) []error {
	names := make([]string, len(w.All))
	for i, t := range w.All {
		if t.ID == id {
			return w.hold(s, part, data, t)
		}
		names[i] = fmt.Sprintf("%s (%s)", t.ID, t.Title)
	}
	want := w.None
	if len(names) > 0 {
		want = wxcast.Say("template.it_has", "templates", names)
	}
	return []error{part.Bad(s, "template", w.NoSuch, want)}
}

func (w Templates) hold(s *spec.Spec, part spec.Part, data map[string]string, t wechat.Template) (bad []error) {
	if len(t.Keys) == 0 {
		return nil // WeChat did not tell its content: nothing to hold the spec against
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if !slices.Contains(t.Keys, key) {
			bad = append(bad, part.Bad(s, dataKey(key), wxcast.Say("template.lacks_key", "title", t.Title),
				wxcast.Say("template.its_keys", "keys", t.Keys)))
			continue
		}
		if strings.Contains(data[key], "{{") {
			continue // known only when it is filled in
		}
		if problem, want := w.Rules.Check(key, data[key], w.Allowed[key]); !problem.IsZero() {
			bad = append(bad, part.Bad(s, dataKey(key), problem, want))
		}
	}
	for _, key := range t.Keys {
		if _, ok := data[key]; !ok && typeOf(key) != "" {
			bad = append(bad, part.Bad(s, dataKey(key), wxcast.Say("spec.missing"),
				wxcast.Say("template.asks_for", "title", t.Title, "keys", t.Keys)))
		}
	}
	return bad
}
