package values

import (
	"strings"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Values are a part's values, compiled. They are safe for concurrent use.
type Values struct {
	part      spec.Part
	rules     Rules
	allowed   map[string][]string
	cut       bool
	texts     map[string]spec.Text
	constants map[string]string // the values, where nothing in them depends on the recipient
	profile   bool
}

// Compile reads a part's values, which stand at its key data. allowed are those that keys may
// have which have no others; nil where that is not known.
func Compile(s *spec.Spec, part spec.Part, data map[string]string, rules Rules, allowed map[string][]string) (*Values,
	error) {
	v := &Values{part: part, rules: rules, allowed: allowed, cut: s.OnBadValue == spec.TruncateBadValue,
		texts: make(map[string]spec.Text, len(data))}
	constant := true
	for key, text := range data {
		t, err := part.Compile(s, dataKey(key), text)
		if err != nil {
			return nil, err
		}
		v.texts[key] = t
		constant = constant && t.Constant()
		v.profile = v.profile || t.Profile()
	}
	if constant {
		v.constants = data
	}
	return v, nil
}

func dataKey(key string) string { return "data." + key }

// PerPerson tells whether they can be written at all depends on the recipient.
func (v *Values) PerPerson() bool { return v.constants == nil }

// Profile tells whether they name what only the follower's row tells.
func (v *Values) Profile() bool { return v.profile }

// Fill fills them in for one recipient; the map must not be changed. Errors are
// *spec.ValueError, and come with as much as could be filled in.
func (v *Values) Fill(d *wxcast.Delivery, all func() map[string]string) (map[string]string, error) {
	if v.constants != nil {
		return v.constants, nil
	}
	out := make(map[string]string, len(v.texts))
	for key, t := range v.texts {
		text, err := t.Render(d, all)
		if err != nil {
			return out, v.part.CannotFill(dataKey(key), err)
		}
		if !t.Constant() { // constants were checked with the spec
			var bad *spec.ValueError
			if text, bad = v.fit(key, text); bad != nil {
				return out, bad
			}
		}
		out[key] = text
	}
	return out, nil
}

// fit holds a filled-in value against its key's type.
func (v *Values) fit(key, text string) (string, *spec.ValueError) {
	problem, want := v.rules.Check(key, text, v.allowed[key])
	if problem.IsZero() {
		return text, nil
	}
	if most := v.rules.lengthMax(key, text); most > 0 && v.cut {
		cut := spec.Truncate(strings.Map(spec.Printable, text), most)
		if problem, _ := v.rules.Check(key, cut, v.allowed[key]); problem.IsZero() {
			return cut, nil
		}
	}
	return "", v.part.BadValue(dataKey(key), problem, want)
}
