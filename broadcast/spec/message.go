package spec

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// messageName is what single messages are called whose spec has no name.
const messageName = "message"

// ownVariable begins the names of the variables that Kind makes.
const ownVariable = "_"

// ofMany are the keys that say something about many messages at once, and what a single one has
// in their place.
var ofMany = map[string]string{
	"audience": "spec.want_to", "canary": "", "rate": "", "quota": "", "not_after": "spec.want_expires",
	"holdout": "",
}

// ParseMessage reads a spec of single messages: what to say to one person, who is named beside
// it. Its texts may hold any variables, which come with each message. See Parse.
func ParseMessage(file string, raw []byte, forms ...Form) (*Spec, error) {
	return read(file, raw, true, forms)
}

// checkMessage complains of what only broadcasts have.
func (p *Parser) checkMessage() {
	for _, key := range []string{"audience", "canary", "rate", "quota", "not_after", "holdout"} {
		if !p.Given(key) {
			continue
		}
		want := wxcast.Say("spec.remove_it")
		if code := ofMany[key]; code != "" {
			want = wxcast.Say(code)
		}
		p.Complain(key, wxcast.Say("spec.of_broadcasts", "key", key), want)
	}
	if p.OnBadValue == SkipBadValue {
		p.Complain("on_bad_value", wxcast.Say("spec.skip_one"), wxcast.Say("spec.write_one", "known",
			[]OnBadValue{StopAtBadValue, TruncateBadValue}))
	}
}

// CheckVars refuses variables that no text can name.
func CheckVars(vars map[string]string) error {
	var bad []error
	for name := range vars {
		if !variableName.MatchString(name) || strings.HasPrefix(name, ownVariable) || slices.Contains(Variables,
			"."+name) {
			bad = append(bad, &wxcast.BadInput{Key: "vars." + name, Problem: wxcast.Say("spec.no_variable", "name",
				name),
				Want: wxcast.Say("spec.want_variable")})
		}
	}
	return errors.Join(bad...)
}

// Kind is the spec with variables in place of what it says itself, and their values: messages
// that differ in nothing else are of one kind, and have one text.
func (s *Spec) Kind() (text string, vars map[string]string) {
	vars = map[string]string{}
	doc := map[string]any{"name": s.Name}
	set := func(key, said, common string) {
		if said != common {
			doc[key] = said
		}
	}
	set("prefer", string(s.Prefer), string(PreferOrder))
	set("on_bad_value", string(s.OnBadValue), string(StopAtBadValue))
	set("on_unknown", string(s.OnUnknown), string(SkipUnknown))
	if s.Quiet != (value.QuietHours{}) {
		doc["quiet_hours"] = s.Quiet.String()
	}
	if s.IgnoreQuiet {
		doc["ignore_quiet"] = true
	}
	if s.Track {
		doc["track"] = true
	}
	if s.Priority != 0 {
		doc["priority"] = s.Priority
	}
	limits := map[string]int{}
	if s.Cap.Day > 0 {
		limits["day"] = s.Cap.Day
	}
	if s.Cap.Week > 0 {
		limits["week"] = s.Cap.Week
	}
	if len(limits) > 0 {
		doc["frequency_cap"] = limits
	}
	channels := make([]any, len(s.Parts))
	for i, part := range s.Parts {
		body := map[string]any{}
		texts := part.Content.Texts()
		part.Content.Identity(func(name, value string) {
			if value == "" {
				return
			}
			if _, is := texts[name]; is && !strings.Contains(value, "{{") {
				own := ownVariable + part.Channel + "_" + strings.ReplaceAll(name, ".", "_")
				vars[own] = value
				value = "{{ raw ." + own + " }}"
			}
			place(body, strings.Split(name, "."), value)
		})
		channels[i] = map[string]any{part.Channel: body}
	}
	doc["channels"] = channels
	out, err := yaml.Marshal(doc)
	if err != nil {
		panic(err) // maps of texts can't fail
	}
	return string(out), vars
}

// OwnKey is what the spec calls a key of its Kind.
func (s *Spec) OwnKey(key string) string {
	for _, part := range s.Parts {
		if own, ok := strings.CutPrefix(key, "channels."+part.Channel+"."); ok {
			return part.Key(own)
		}
	}
	return key
}

// place sets a value at a path of keys. What stands at a shorter path already stays: a message
// that opens no mini program has no page of it.
func place(at map[string]any, path []string, value string) {
	for len(path) > 1 {
		next, ok := at[path[0]].(map[string]any)
		if !ok {
			if at[path[0]] != nil {
				return
			}
			next = map[string]any{}
			at[path[0]] = next
		}
		at, path = next, path[1:]
	}
	at[path[0]] = value
}
