package spec

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Place is where a part stands in its spec. Keys are those of the channel's form.
type Place struct {
	p    *Parser
	part Part
}

// Complain notes a mistake at a key.
func (at Place) Complain(key string, problem, want wxcast.Sentence) {
	at.p.Complain(at.part.Key(key), problem, want)
}

// Given tells whether the part has a key.
func (at Place) Given(key string) bool { return at.p.Given(at.part.Key(key)) }

// flatPart makes the part whose keys stand in the spec itself, and the fields that read them.
// It is the only part where the spec has no channels.
func (p *Parser) flatPart() map[string]Field {
	content, fields := p.forms[0].Read(p)
	p.flatKeys = slices.Sorted(maps.Keys(fields))
	p.Parts = []Part{{Channel: p.flat, Content: content}}
	return fields
}

// channels reads the list of channels, each with the keys of its form.
func (p *Parser) channels(key string, n *yaml.Node) {
	p.Parts = nil
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.Complain(key, wxcast.Say("spec.no_channels"), wxcast.Say("spec.want_channels"))
		return
	}
	for _, item := range n.Content {
		if item.Kind != yaml.MappingNode || len(item.Content) != 2 {
			p.bad = append(p.bad, &wxcast.BadInput{File: p.file, Line: item.Line, Key: key,
				Problem: wxcast.Say("spec.no_one_channel"), Want: wxcast.Say("spec.want_channels")})
			continue
		}
		p.channel(key, item.Content[0], item.Content[1])
	}
}

func (p *Parser) channel(list string, name, body *yaml.Node) {
	part := Part{Channel: name.Value, at: list + "." + name.Value}
	if p.twice(part.at, name.Line) {
		return
	}
	known := make([]string, len(p.forms))
	for i, form := range p.forms {
		known[i] = form.Channel()
	}
	i := slices.Index(known, name.Value)
	if i < 0 {
		p.Complain(part.at, wxcast.Say("spec.no_channel", "channel", name.Value), suggest.For(name.Value, known))
		return
	}
	content, fields := p.forms[i].Read(p)
	p.Mapping(part.at, body, fields)
	if part.Content = content; body.Kind == yaml.MappingNode {
		p.Parts = append(p.Parts, part)
	}
}

// checkFlat complains of keys of the flat form beside a list of channels: it would not be
// known whether they are one more.
func (p *Parser) checkFlat() {
	if !p.Given("channels") {
		return
	}
	for _, key := range p.flatKeys {
		if p.Given(key) {
			p.Complain(key, wxcast.Say("spec.beside_channels"), wxcast.Say("spec.want_below", "channel", p.flat))
		}
	}
}
