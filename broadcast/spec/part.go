package spec

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Part is what a spec says to one channel.
type Part struct {
	Channel string
	Content Content

	at string // the key below which its own stand; "" where they stand in the spec itself
}

// Key is a key of the channel's form as the spec has it: channels.subscribe.data.thing1.
func (p Part) Key(key string) string {
	if p.at == "" {
		return key
	}
	return p.at + "." + key
}

// Bad is a mistake at one of the part's keys.
func (p Part) Bad(s *Spec, key string, problem, want wxcast.Sentence) *wxcast.BadInput {
	return s.Bad(p.Key(key), problem, want)
}

// Compile reads one of the part's texts.
func (p Part) Compile(s *Spec, key, text string) (Text, error) {
	return p.compiled(s, key, text, Compile)
}

// CompileLink reads one of the part's links.
func (p Part) CompileLink(s *Spec, key, text string) (Text, error) {
	return p.compiled(s, key, text, CompileLink)
}

// CompileMarkup reads one of the part's texts with links in it.
func (p Part) CompileMarkup(s *Spec, key, text string) (Text, error) {
	return p.compiled(s, key, text, CompileMarkup)
}

func (p Part) compiled(s *Spec, key, text string, compile func(string) (Text, error)) (Text, error) {
	t, err := compile(text)
	if err != nil {
		return t, p.Bad(s, key, errorSays(err), wxcast.Sentence{})
	}
	return t, nil
}

// Part is what the spec says to a channel, if it does.
func (s *Spec) Part(channel string) (Part, bool) {
	i := slices.IndexFunc(s.Parts, func(p Part) bool { return p.Channel == channel })
	if i < 0 {
		return Part{}, false
	}
	return s.Parts[i], true
}

// Prefer says which of several channels is tried first.
type Prefer string

// The ways to prefer.
const (
	PreferOrder    Prefer = "order"    // as the spec has them
	PreferCheapest Prefer = "cheapest" // the one whose message costs least
)

// Prefers are the two.
var Prefers = []Prefer{PreferOrder, PreferCheapest}

// InOrder are the parts in the order in which they are tried. cost is what a message of a
// channel costs; those of the same cost stay as the spec has them.
func (s *Spec) InOrder(cost func(channel string) int) []Part {
	parts := slices.Clone(s.Parts)
	if s.Prefer == PreferCheapest {
		slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(cost(a.Channel), cost(b.Channel)) })
	}
	return parts
}

// partsIdentity writes what is said. A spec that can be written in the flat form is the same
// broadcast in both.
func (s *Spec) partsIdentity(set func(name, value string)) {
	if len(s.Parts) == 1 && s.Parts[0].Channel == s.flat {
		s.Parts[0].Content.Identity(set)
		return
	}
	names := make([]string, len(s.Parts))
	for i, part := range s.Parts {
		names[i] = part.Channel
		part.Content.Identity(func(name, value string) { set(part.Channel+"."+name, value) })
	}
	set("channels", strings.Join(names, ","))
	if len(s.Parts) > 1 && s.Prefer != PreferOrder {
		set("prefer", string(s.Prefer))
	}
}
