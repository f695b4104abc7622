package account

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// inlineForms keeps how specs look that come with single requests: a program writes the same one
// each time, with other values. Such a spec need not be read again to know its kind.
type inlineForms struct {
	of map[string][]inlineForm // by the keys that a spec has
	n  int
}

// inlineForm is one: the values that are always the same, by their keys, and the variables of its
// kind whose values stand at the others.
type inlineForm struct {
	same map[string]string
	vars map[string]string // by their key
	kind *kind
	text string // of the kind
}

// inlineMost is how many forms are kept, of specs that take no more than inlineLongest bytes.
const inlineMost, inlineLongest = 1000, 8 << 10

// find tells what a spec's kind is, and the values of its variables.
func (f *inlineForms) find(leaves map[string]string) (form inlineForm, vars map[string]string, ok bool) {
	for _, form := range f.of[keysOf(leaves)] {
		if vars, ok := form.fits(leaves); ok {
			return form, vars, true
		}
	}
	return form, nil, false
}

func (f inlineForm) fits(leaves map[string]string) (vars map[string]string, ok bool) {
	for key, value := range f.same {
		if leaves[key] != value {
			return nil, false
		}
	}
	vars = make(map[string]string, len(f.vars))
	for key, name := range f.vars {
		value := leaves[key]
		if value == "" || strings.Contains(value, "{{") || // it is of another kind
			strings.TrimSpace(value) != value || strings.ContainsFunc(value, changes) {
			return nil, false
		}
		vars[name] = value
	}
	return vars, true
}

// changes tells of a character that a spec's reader changes or refuses: what has one is read as a spec.
func changes(r rune) bool { return !unicode.IsPrint(r) }

// learn keeps a spec's form. own are its kind's variables with the values that they had in it:
// each must stand at one key of the spec, or the form is not known.
func (f *inlineForms) learn(leaves, own map[string]string, k *kind, text string) {
	size := len(text)
	for _, leaf := range leaves {
		size += len(leaf)
	}
	if size > inlineLongest { // a picture, say
		return
	}
	form := inlineForm{same: maps.Clone(leaves), vars: map[string]string{}, kind: k, text: text}
	for name, value := range own {
		at := ""
		for key, leaf := range leaves {
			if leaf == value && standsAt(key, name) {
				if at != "" {
					return
				}
				at = key
			}
		}
		if at == "" {
			return
		}
		form.vars[at] = name
		delete(form.same, at)
	}
	if f.n >= inlineMost {
		f.of, f.n = nil, 0
	}
	if f.of == nil {
		f.of = map[string][]inlineForm{}
	}
	keys := keysOf(leaves)
	f.of[keys], f.n = append(f.of[keys], form), f.n+1
}

// standsAt tells whether a kind's variable, such as _template_data_thing1, may be what stands at a
// key: .data.thing1, .data.thing1.value or .channels.0.template.data.thing1.
func standsAt(key, name string) bool {
	key = strings.ReplaceAll(strings.TrimSuffix(key, ".value"), ".", "_")
	return strings.HasSuffix(key, name) || strings.HasSuffix(name, key)
}

// leavesOf are the single values of a spec's JSON, by their keys.
func leavesOf(spec map[string]any) map[string]string {
	leaves := map[string]string{}
	var walk func(at string, value any)
	walk = func(at string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, one := range v {
				walk(at+"."+key, one)
			}
		case []any:
			for i, one := range v {
				walk(at+"."+strconv.Itoa(i), one)
			}
		case string:
			leaves[at] = v
		default:
			leaves[at+" "] = fmt.Sprint(v) // no text is at that key
		}
	}
	walk("", spec)
	return leaves
}

func keysOf(leaves map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(leaves)), "\x00")
}

// inline finds the kind of a spec that came with a request, and the values of its variables.
func (m *messages) inline(d *draft) (text string, own map[string]string, err error) {
	leaves := leavesOf(d.Inline)
	m.mu.Lock()
	form, own, ok := m.forms.find(leaves)
	m.mu.Unlock()
	if ok {
		d.kind = form.kind
		return form.text, own, nil
	}
	if d.Spec, err = readInline(d.Inline); err != nil {
		return "", nil, err
	}
	if err := m.a.own(d.Spec); err != nil {
		return "", nil, err
	}
	text, own = d.Spec.Kind()
	if d.kind, err = m.kind(d.Spec.Name, text, picturesOf(d.Spec)); err != nil {
		return "", nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forms.learn(leaves, own, d.kind, text)
	return text, own, nil
}

// readInline reads a spec's JSON, which is YAML.
func readInline(inline map[string]any) (Spec, error) {
	raw, err := json.Marshal(inline)
	if err != nil {
		return Spec{}, err
	}
	return ReadMessageSpec("spec", raw, "")
}
