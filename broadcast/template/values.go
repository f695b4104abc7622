package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// keyType splits a key into WeChat's type and a number: thing1 is a thing.
var keyType = regexp.MustCompile(`^([a-z_]+)\d+$`)

var amountForm = regexp.MustCompile(`^[^\d.]?\d{1,12}(\.\d+)?元?$`)

// CheckValue says what is wrong with a value for its key's type, and what would
// be right; "" when nothing is. Keys of historic templates (keyword1, first) have
// no rule: WeChat cuts their values. Source of the rules: the table of value
// limits in docs/wechat.md.
func CheckValue(key, value string) (problem, want wxcast.Sentence) {
	m := keyType.FindStringSubmatch(key)
	if m == nil || m[1] == "keyword" {
		return problem, want
	}
	length := utf8.RuneCountInString(value)
	if value == "" && m[1] != "const" {
		return wxcast.Say("spec.empty"), wxcast.Say("template.no_empty")
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return wxcast.Say("template.control", "value", value), wxcast.Say("template.one_line")
	}
	if most := lengthMax(key); most > 0 && length > most {
		return wxcast.Say("template.too_long", "value", value, "n", length), wxcast.Say("template.at_most", "type",
			m[1], "most", most)
	}
	switch m[1] {
	case "character_string":
		if strings.ContainsFunc(value, func(r rune) bool { return r > unicode.MaxASCII }) {
			return wxcast.Say("template.not_ascii", "value", value), wxcast.Say("template.no_chinese")
		}
	case "amount":
		if !amountForm.MatchString(value) {
			return wxcast.Say("template.no_amount", "value", value), wxcast.Say("template.want_amount")
		}
	case "time", "date":
		if !strings.ContainsFunc(value, unicode.IsDigit) {
			return wxcast.Say("template.no_time", "value", value), wxcast.Say("input.example", "example",
				"2026-11-30 10:00")
		}
	}
	return problem, want
}

// lengthMax is how many characters a key takes; 0 where length is not the rule.
func lengthMax(key string) int {
	m := keyType.FindStringSubmatch(key)
	if m == nil {
		return 0
	}
	switch m[1] {
	case "thing", "const":
		return 20
	case "character_string":
		return 32
	case "phone_number":
		return 17
	case "car_number":
		return 8
	case "phrase":
		return 5
	}
	return 0
}

// CheckTemplate holds a spec against the account's real templates: the template
// exists, its keys are those of the spec, and constant values fit them.
func CheckTemplate(s *spec.Spec, templates []wechat.Template) []error {
	c := Of(s)
	i := slices.IndexFunc(templates, func(t wechat.Template) bool { return t.ID == c.TemplateID })
	if i < 0 {
		want := wxcast.Say("template.none")
		if len(templates) > 0 {
			names := make([]string, len(templates))
			for i, t := range templates {
				names[i] = fmt.Sprintf("%s (%s)", t.ID, t.Title)
			}
			want = wxcast.Say("template.it_has", "templates", names)
		}
		return []error{s.Bad("template", wxcast.Say("doctor.no_such_template", "id", c.TemplateID), want)}
	}
	var bad []error
	keys := templates[i].Keys
	if len(keys) == 0 {
		return nil // WeChat did not tell its content: nothing to hold the spec against
	}
	for _, key := range slices.Sorted(maps.Keys(c.Data)) {
		if !slices.Contains(keys, key) {
			bad = append(bad, s.Bad("data."+key, wxcast.Say("template.lacks_key", "title", templates[i].Title),
				wxcast.Say("template.its_keys", "keys", keys)))
			continue
		}
		if strings.Contains(c.Data[key], "{{") {
			continue // known only when it is filled in
		}
		if problem, want := CheckValue(key, c.Data[key]); !problem.IsZero() {
			bad = append(bad, s.Bad("data."+key, problem, want))
		}
	}
	for _, key := range keys {
		if _, ok := c.Data[key]; !ok && keyType.MatchString(key) && !strings.HasPrefix(key, "keyword") {
			bad = append(bad, s.Bad("data."+key, wxcast.Say("spec.missing"),
				wxcast.Say("template.asks_for", "title", templates[i].Title, "keys", keys)))
		}
	}
	return bad
}
