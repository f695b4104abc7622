package spec

import (
	"net/url"
	"regexp"
	"strings"
	"text/template/parse"
	"unicode"

	"github.com/wxcast/wxcast/internal/visit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// What values go through that no spec can name: encodeFunc for the query of a link, plainFunc
// for a text with links.
const (
	encodeFunc = "wxcast_encode"
	plainFunc  = "wxcast_plain"
)

var ownFuncs = map[string]func(string) string{encodeFunc: encode, plainFunc: withoutMarks}

// encode writes a value so that it is one value of a query: a blank as %20, which mini programs
// read, too.
func encode(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// linkWriter makes a template encode what it fills in behind the ? or # of a link.
type linkWriter struct {
	query bool // behind the ? or #
	free  bool // something is filled in as it stands
}

func (w *linkWriter) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch node := node.(type) {
		case *parse.TextNode:
			w.query = w.query || strings.ContainsAny(string(node.Text), "?#")
		case *parse.ActionNode:
			if !w.query || isRaw(node.Pipe) {
				w.free = true
			} else {
				through(node.Pipe, encodeFunc)
			}
		case *parse.IfNode:
			before := w.query
			w.list(node.List)
			then := w.query
			w.query = before
			w.list(node.ElseList)
			w.query = w.query || then
		}
	}
}

// through makes a pipeline end with one of our own functions.
func through(pipe *parse.PipeNode, name string) {
	pipe.Cmds = append(pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pipe.Pos,
		Args: []parse.Node{parse.NewIdentifier(name).SetPos(pipe.Pos)}})
}

// marks are what a link in a text is made of, and what to write for them in a person's value.
var marks = strings.NewReplacer("<", "＜", ">", "＞", `"`, "＂")

func withoutMarks(text string) string { return marks.Replace(text) }

// guardMarkup makes a template take the marks from what it fills in, lest somebody's name puts a
// link of theirs into the account's message.
func guardMarkup(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch node := node.(type) {
		case *parse.ActionNode:
			if !isRaw(node.Pipe) {
				through(node.Pipe, plainFunc)
			}
		case *parse.IfNode:
			guardMarkup(node.List)
			guardMarkup(node.ElseList)
		}
	}
}

// isRaw tells whether a pipeline ends with what a spec says is a part of the link as it stands.
func isRaw(pipe *parse.PipeNode) bool {
	last := pipe.Cmds[len(pipe.Cmds)-1]
	name, ok := last.Args[0].(*parse.IdentifierNode)
	return ok && name.Ident == "raw"
}

// variable is what is filled in for each person.
var variable = regexp.MustCompile(`\{\{.*?\}\}`)

// WithoutVariables is a text with an x where something is filled in.
func WithoutVariables(text string) string { return variable.ReplaceAllString(text, "x") }

// FillLink fills in a link that stands at a part's key. What may differ in kind from person to
// person is checked; a constant was with the spec.
func (p Part) FillLink(key string, link Text, check func(string) (problem, want wxcast.Sentence), d *wxcast.Delivery,
	all func() map[string]string) (string, error) {
	out, err := link.Render(d, all)
	if err != nil {
		return "", p.CannotFill(key, err)
	}
	if link.Good() {
		return out, nil
	}
	if problem, want := check(out); !problem.IsZero() {
		return "", p.BadValue(key, problem, want)
	}
	return out, nil
}

// FillPage fills in a page of a mini program that stands at a part's key, as FillLink does, and
// marks it with the delivery's mark.
func (p Part) FillPage(key string, page Text, d *wxcast.Delivery, all func() map[string]string) (string, error) {
	out, err := p.FillLink(key, page, CheckPagePath, d, all)
	return visit.AddTo(out, d.Mark), err
}

// address is what begins with a scheme or a host.
var address = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*:|//)`)

// CheckPagePath tells what is wrong with a page of a mini program: it is a path of that
// program, maybe with a query, and no address.
func CheckPagePath(path string) (problem, want wxcast.Sentence) {
	switch {
	case address.MatchString(path):
		return wxcast.Say("spec.page_address", "value", path), wxcast.Say("spec.want_page")
	case strings.HasPrefix(path, "/"):
		return wxcast.Say("template.slash", "value", path),
			wxcast.Say("spec.write", "text", strings.TrimLeft(path, "/"))
	case strings.ContainsFunc(path, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return wxcast.Say("spec.page_blank", "value", path), wxcast.Say("spec.want_encoded")
	}
	return problem, want
}

// CheckURL tells what is wrong with a web address.
func CheckURL(link string) (problem, want wxcast.Sentence) {
	u, err := url.Parse(link)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return wxcast.Say("template.no_url", "value", link), wxcast.Say("template.want_url")
	case strings.ContainsFunc(link, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return wxcast.Say("spec.page_blank", "value", link), wxcast.Say("spec.want_encoded")
	}
	return problem, want
}
