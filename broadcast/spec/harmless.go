package spec

import (
	"errors"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// SizeMax is the largest spec in bytes: a spec is written by hand.
	SizeMax = 256 << 10
	// textMax is the longest text with variables, and outputMax what it may become.
	textMax   = 8 << 10
	outputMax = 64 << 10
)

// allowedFuncs are those that a spec may use. None of them makes much of little, as printf
// does with a width, or calls what it is given.
var allowedFuncs = map[string]bool{
	"truncate": true, "default": true, "date": true, "raw": true,
	"and": true, "or": true, "not": true, "eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true,
	"len": true, "index": true,
}

// harmless refuses what a text of a spec needs not and could do harm with: loops, templates
// in templates, assignments, functions but a few. Specs come through the API, too.
func harmless(t *template.Template) error {
	if len(t.Templates()) > 1 {
		return wxcast.NewError("spec.forbidden", "what", "define")
	}
	return harmlessNode(t.Root)
}

func harmlessNode(n parse.Node) error {
	switch n := n.(type) {
	case nil, *parse.TextNode, *parse.CommentNode, *parse.FieldNode, *parse.StringNode,
		*parse.NumberNode, *parse.BoolNode:
		return nil
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return harmlessNodes(n.Nodes)
	case *parse.ActionNode:
		return harmlessPipe(n.Pipe)
	case *parse.IfNode:
		return errors.Join(harmlessPipe(n.Pipe), harmlessNode(n.List), harmlessNode(n.ElseList))
	case *parse.PipeNode:
		return harmlessPipe(n)
	case *parse.IdentifierNode:
		if !allowedFuncs[n.Ident] {
			return wxcast.NewError("spec.forbidden", "what", n.Ident)
		}
		return nil
	default:
		what, _, _ := strings.Cut(strings.Trim(n.String(), "{} "), " ")
		return wxcast.NewError("spec.forbidden", "what", what)
	}
}

func harmlessNodes(nodes []parse.Node) error {
	for _, n := range nodes {
		if err := harmlessNode(n); err != nil {
			return err
		}
	}
	return nil
}

func harmlessPipe(pipe *parse.PipeNode) error {
	if len(pipe.Decl) > 0 {
		return wxcast.NewError("spec.forbidden", "what", ":=")
	}
	for _, cmd := range pipe.Cmds {
		for i, arg := range cmd.Args {
			// A dot alone is everything that is known of a person: good to look into.
			if _, dot := arg.(*parse.DotNode); dot && i == 1 && cmd.Args[0].String() == "index" {
				continue
			}
			if err := harmlessNode(arg); err != nil {
				return err
			}
		}
	}
	return nil
}

// bounded is a text that does not grow beyond outputMax.
type bounded struct{ *strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > outputMax {
		return 0, wxcast.NewError("spec.long_output", "most", outputMax)
	}
	return b.Builder.Write(p)
}
