package account

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// A spec of a known form is of the kind, and has the variables, that reading it would tell.
func TestInlineFormsAreReadAsSpecsAre(t *testing.T) {
	m := newMessages(&Account{})
	for _, text := range []string{
		`{"template": "T", "data": {"thing1": "%s", "time2": "2026-11-30"}, "miniprogram": {"pagepath": "pages/a?id=%[1]s"}}`,
		`{"name": "n", "template": "T", "data": {"thing1": {"value": "%s"}, "thing2": "{{ .x }}"}, "url": "https://a.example/%[1]s"}`,
		`{"channels": [{"subscribe": {"template": "S", "page": "p?x=%s", "data": {"thing1": "%[1]s"}}}, {"template": {"template": "T", "data": {"thing1": "%[1]s"}}}], "ignore_quiet": true}`,
		`{"channels": [{"service": {"title": "%s", "pagepath": "p", "media_id": "m"}}]}`,
		`{"template": "T", "data": {"thing1": "T", "thing2": "%s"}}`,
		`{"template": "%s", "data": {"thing1": "x"}}`,
	} {
		before := m.forms.n
		for _, value := range []string{"one", "two", "{{ .three }}", "T", "four"} {
			var inline map[string]any
			if err := json.Unmarshal(fmt.Appendf(nil, text, value), &inline); err != nil {
				t.Fatal(err)
			}
			d := &draft{MessageRequest: MessageRequest{Inline: inline}}
			got, own, err := m.inline(d)
			read, readErr := readInline(inline)
			if readErr != nil && err != nil {
				continue // no good either way
			}
			if err != nil || readErr != nil {
				t.Fatalf("%s with %s: %v; read anew: %v", text, value, err, readErr)
			}
			want, vars := read.Kind()
			if got != want || !maps.Equal(own, vars) || d.kind.spec.Name != read.Name {
				t.Errorf("%s with %s is\n%s %v, want\n%s %v", text, value, got, own, want, vars)
			}
		}
		if learnt := m.forms.n - before; !strings.Contains(text, `"template": "%s"`) && learnt != 2 {
			t.Errorf("%s: %d forms are known, want one with a variable of its own and one without", text, learnt)
		}
	}
}
