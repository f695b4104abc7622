package config

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// written reads YAML with every single value as the text that stands there: YAML's own types
// make 5349 of 0012345, and 1.23e+150 of a secret of digits.
type written struct{}

// Unmarshal reads a document.
func (written) Unmarshal(raw []byte) (map[string]any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return map[string]any{}, nil
	}
	v, err := asWritten(doc.Content[0], 0)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, errors.New("the file is no map of keys and values")
	}
	return m, nil
}

// Marshal is not needed.
func (written) Marshal(map[string]any) ([]byte, error) { return nil, errors.ErrUnsupported }

// depthMax is deeper than any configuration; an alias may lead to itself.
const depthMax = 20

func asWritten(n *yaml.Node, depth int) (any, error) {
	if depth > depthMax {
		return nil, fmt.Errorf("line %d: the values are nested too deeply", n.Line)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return asWritten(n.Alias, depth+1)
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return nil, nil
		}
		return n.Value, nil
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if list[i], err = asWritten(item, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := m[key.Value]; twice {
				return nil, fmt.Errorf("line %d: the key %q is there twice", key.Line, key.Value)
			}
			v, err := asWritten(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			m[key.Value] = v
		}
		return m, nil
	}
	return nil, fmt.Errorf("line %d: what stands here is no value", n.Line)
}
