// Package yamledit changes single values of a YAML document and leaves the rest as somebody
// wrote it: its order, its comments, and what the caller knows nothing of.
package yamledit

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Doc is a document whose root is a mapping. A path names a value in it: "audience.tags.any",
// or "channels.0.template" in a list.
type Doc struct{ root yaml.Node }

// errAlias: a change of a value that stands in two places would be of both.
var errAlias = errors.New("it has anchors or aliases (& and *), which only its text can change")

// errNoMapping: the document is not one of keys and values.
var errNoMapping = errors.New("it is no mapping of keys to values")

// Parse reads a document; an empty one is an empty mapping.
func Parse(text string) (*Doc, error) {
	d := &Doc{}
	if err := yaml.Unmarshal([]byte(text), &d.root); err != nil {
		return nil, err
	}
	if d.root.Kind == 0 || len(d.root.Content) == 1 && d.root.Content[0].Tag == "!!null" {
		d.root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	if len(d.root.Content) != 1 || d.root.Content[0].Kind != yaml.MappingNode {
		return nil, errNoMapping
	}
	if aliased(&d.root) {
		return nil, errAlias
	}
	return d, nil
}

// Text writes the document; not each that can be read can be written.
func (d *Doc) Text() (string, error) {
	if len(d.root.Content[0].Content) == 0 {
		return "", nil
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := e.Encode(&d.root)
	return b.String(), err
}

func aliased(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || slices.ContainsFunc(n.Content, aliased)
}

// child is what a node has at a key, or at a number; nil for nothing.
func child(n *yaml.Node, key string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

func (d *Doc) find(path string) *yaml.Node {
	n := d.root.Content[0]
	if path == "" {
		return n
	}
	for key := range strings.SplitSeq(path, ".") {
		if n = child(n, key); n == nil {
			return nil
		}
	}
	return n
}

// Has tells whether there is anything at a path.
func (d *Doc) Has(path string) bool { return d.find(path) != nil }

// IsMapping tells whether there is a mapping at a path.
func (d *Doc) IsMapping(path string) bool {
	n := d.find(path)
	return n != nil && n.Kind == yaml.MappingNode
}

// Get is the text of a value; "" where there is none.
func (d *Doc) Get(path string) string {
	if n := d.find(path); n != nil && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return n.Value
	}
	return ""
}

// List are the texts of a list; of a single value that one.
func (d *Doc) List(path string) (all []string) {
	n := d.find(path)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		return []string{n.Value}
	}
	if n.Kind == yaml.SequenceNode {
		for _, one := range n.Content {
			if one.Kind == yaml.ScalarNode {
				all = append(all, one.Value)
			}
		}
	}
	return all
}

// Len is how many elements a list has.
func (d *Doc) Len(path string) int {
	if n := d.find(path); n != nil && n.Kind == yaml.SequenceNode {
		return len(n.Content)
	}
	return 0
}

// Keys are those of a mapping, in their order.
func (d *Doc) Keys(path string) (all []string) {
	if n := d.find(path); n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			all = append(all, n.Content[i].Value)
		}
	}
	return all
}

// SetText makes a value a text, whatever it looks like; "" takes it away.
func (d *Doc) SetText(path, text string) { d.set(path, text, "!!str") }

// Set makes a value what its text looks like: a number, a bool, a text; "" takes it away.
func (d *Doc) Set(path, text string) { d.set(path, text, "") }

func (d *Doc) set(path, text, tag string) {
	if text = strings.ToValidUTF8(text, "\uFFFD"); text == d.Get(path) {
		return // as it is, with its quotes and comments
	}
	if text == "" {
		d.Delete(path)
		return
	}
	if n := d.find(path); n != nil && n.Kind == yaml.ScalarNode {
		n.Value, n.Tag = text, tag
		if n.Style &^= yaml.LiteralStyle | yaml.FoldedStyle; tag == "" {
			n.Style = 0
		}
		return
	}
	d.put(path, &yaml.Node{Kind: yaml.ScalarNode, Value: text, Tag: tag})
}

// SetList makes a value a list on one line; without elements it is taken away.
func (d *Doc) SetList(path string, values []string) {
	if len(values) == 0 {
		d.Delete(path)
		return
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, v := range values {
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: v})
	}
	d.put(path, list)
}

// Move puts what is at a path elsewhere.
func (d *Doc) Move(from, to string) {
	n := d.find(from)
	if n == nil {
		return
	}
	d.Delete(from)
	d.put(to, n)
}

// put puts a node at a path, and makes the mappings and lists on the way that are missing.
func (d *Doc) put(path string, value *yaml.Node) {
	n := d.root.Content[0]
	keys := strings.Split(path, ".")
	for i, key := range keys {
		next := child(n, key)
		last := i == len(keys)-1
		made := value
		if !last {
			made = &yaml.Node{Kind: yaml.MappingNode}
			if _, err := strconv.Atoi(keys[i+1]); err == nil {
				made.Kind = yaml.SequenceNode
			}
			if next != nil && next.Kind == made.Kind {
				n = next
				continue
			}
		}
		switch {
		case next != nil:
			*next = *made
			made = next
		case n.Kind == yaml.SequenceNode:
			n.Content = append(n.Content, made)
		default:
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, made)
		}
		n = made
	}
}

// Delete takes a value away, and the mappings and lists that are empty without it.
func (d *Doc) Delete(path string) {
	above, key := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		above, key = path[:i], path[i+1:]
	}
	n := d.find(above)
	if n == nil || child(n, key) == nil {
		return
	}
	if n.Kind == yaml.SequenceNode {
		i, _ := strconv.Atoi(key) // there is such a child
		n.Content = append(n.Content[:i], n.Content[i+1:]...)
	} else {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				n.Content = append(n.Content[:i], n.Content[i+2:]...)
				break
			}
		}
	}
	if len(n.Content) == 0 && above != "" {
		d.Delete(above)
	}
}
