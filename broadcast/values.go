package broadcast

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/wechat"
)

// keyType splits a key into WeChat's type and a number: thing1 is a thing.
var keyType = regexp.MustCompile(`^([a-z_]+)\d+$`)

var amountForm = regexp.MustCompile(`^[^\d.]?\d{1,12}(\.\d+)?元?$`)

// CheckValue says what is wrong with a value for its key's type, and what would
// be right; "" when nothing is. Keys of historic templates (keyword1, first) have
// no rule: WeChat cuts their values. Source of the rules: the table of value
// limits in docs/wechat.md.
func CheckValue(key, value string) (problem, want string) {
	m := keyType.FindStringSubmatch(key)
	if m == nil || m[1] == "keyword" {
		return "", ""
	}
	length := utf8.RuneCountInString(value)
	if value == "" && m[1] != "const" {
		return "is empty", "WeChat refuses an empty value"
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Sprintf("%q holds a line break or another control character", value), "write it on one line"
	}
	tooLong := func(most int) (string, string) {
		return fmt.Sprintf("%q has %d characters", value, length), fmt.Sprintf("%s takes at most %d", m[1], most)
	}
	if most := lengthMax(key); most > 0 && length > most {
		return tooLong(most)
	}
	switch m[1] {
	case "character_string":
		if strings.ContainsFunc(value, func(r rune) bool { return r > unicode.MaxASCII }) {
			return fmt.Sprintf("%q holds characters that are no digit, letter or symbol", value), "character_string takes no Chinese"
		}
	case "amount":
		if !amountForm.MatchString(value) {
			return fmt.Sprintf("%q is no amount", value), "write one currency sign at most, 12 digits at most, and 元 if you like: ¥28.50"
		}
	case "time", "date":
		if !strings.ContainsFunc(value, unicode.IsDigit) {
			return fmt.Sprintf("%q is no time", value), "write for example 2026-11-30 10:00"
		}
	}
	return "", ""
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
func CheckTemplate(s *Spec, templates []wechat.Template) []error {
	i := slices.IndexFunc(templates, func(t wechat.Template) bool { return t.ID == s.TemplateID })
	if i < 0 {
		want := "the account has none; add one in the console: 模板消息 → 模板库"
		if len(templates) > 0 {
			names := make([]string, len(templates))
			for i, t := range templates {
				names[i] = fmt.Sprintf("%s (%s)", t.ID, t.Title)
			}
			want = "it has " + strings.Join(names, ", ")
		}
		return []error{s.Bad("template", fmt.Sprintf("the account has no template %q", s.TemplateID), want)}
	}
	var bad []error
	keys := templates[i].Keys
	if len(keys) == 0 {
		return nil // WeChat did not tell its content: nothing to hold the spec against
	}
	for _, key := range slices.Sorted(maps.Keys(s.Data)) {
		if !slices.Contains(keys, key) {
			bad = append(bad, s.Bad("data."+key, fmt.Sprintf("the template %s has no such key", templates[i].Title), "its keys are "+strings.Join(keys, ", ")))
			continue
		}
		if strings.Contains(s.Data[key], "{{") {
			continue // known only when it is filled in
		}
		if problem, want := CheckValue(key, s.Data[key]); problem != "" {
			bad = append(bad, s.Bad("data."+key, problem, want))
		}
	}
	for _, key := range keys {
		if _, ok := s.Data[key]; !ok && keyType.MatchString(key) && !strings.HasPrefix(key, "keyword") {
			bad = append(bad, s.Bad("data."+key, "is missing", fmt.Sprintf("the template %s asks for %s", templates[i].Title, strings.Join(keys, ", "))))
		}
	}
	return bad
}
