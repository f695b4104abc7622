package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Variables are what a spec may name in {{ }}, with a dot before: {{ .openid }}.
var Variables = []string{".openid", ".unionid", ".mini_openid", ".remark", ".followed_at", ".tags"}

// followedForm is how .followed_at is written, in Beijing time.
const followedForm = "2006-01-02 15:04"

// fact is a variable's value for one recipient; ok is false for a variable that there
// is not.
func fact(d *wxcast.Delivery, name string) (text string, ok bool) {
	switch name {
	case "openid":
		return string(d.OpenID), true
	case "unionid":
		return string(d.UnionID), true
	case "mini_openid":
		return string(d.MiniOpenID), true
	case "remark":
		return d.Remark, true
	case "followed_at":
		if d.SubscribeTime.IsZero() {
			return "", true
		}
		return d.SubscribeTime.In(wxcast.Beijing).Format(followedForm), true
	case "tags":
		tags := make([]string, len(d.Tags))
		for i, tag := range d.Tags {
			tags[i] = strconv.Itoa(tag)
		}
		return strings.Join(tags, ","), true
	}
	text, ok = d.Vars[name]
	return text, ok
}

// FactsOf gives all variables' values for one recipient, gathered when they are first asked for.
func FactsOf(d *wxcast.Delivery) func() map[string]string {
	var known map[string]string
	return func() map[string]string {
		if known == nil {
			known = Facts(d)
		}
		return known
	}
}

// Facts are all variables' values for one recipient.
func Facts(d *wxcast.Delivery) map[string]string {
	known := maps.Clone(d.Vars) // a list has no column that is called as one of ours
	if known == nil {
		known = make(map[string]string, len(Variables))
	}
	for _, name := range Variables {
		known[name[1:]], _ = fact(d, name[1:])
	}
	return known
}

// helpers are the functions that a spec may use; they can do no harm.
var helpers = template.FuncMap{
	// {{ .remark | truncate 20 }}: at most so many characters.
	"truncate": func(most int, text string) string { return Truncate(text, most) },
	// {{ .remark | default "您" }}: where there is none.
	"default": func(otherwise, text string) string {
		if text == "" {
			return otherwise
		}
		return text
	},
	// {{ .followed_at | date "2006年1月2日" }}: in Go's form of a layout.
	"date": func(layout, text string) (string, error) {
		if text == "" {
			return "", nil
		}
		t, err := time.ParseInLocation(followedForm, text, wxcast.Beijing)
		if err != nil {
			return "", fmt.Errorf("date: %q is not a time such as 2026-11-30 10:00", text)
		}
		return t.Format(layout), nil
	},
	// {{ raw .query }}, in a link: what is filled in is a part of it as it stands.
	"raw": func(text string) string { return text },
	// What the values of a link and of a text with links go through.
	encodeFunc: encode, plainFunc: withoutMarks,
}

// Truncate cuts a text to at most so many characters, the last of them … if it cuts.
func Truncate(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	if most < 1 {
		return ""
	}
	return string([]rune(text)[:most-1]) + "…"
}

// Printable turns line breaks and other control characters into spaces.
func Printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// someone is a recipient that has every fact and these columns, to try templates on.
func someone(columns []string) *wxcast.Delivery {
	vars := make(map[string]string, len(columns))
	for _, column := range columns {
		vars[column] = ""
	}
	return &wxcast.Delivery{
		Follower: wxcast.Follower{OpenID: "o", UnionID: "u", Remark: "r", SubscribeTime: time.Unix(1, 0),
			Tags: []int{1}},
		MiniOpenID: "m", Vars: vars,
	}
}

// Text is one text of a spec, compiled if it holds variables.
type Text struct {
	constant string
	source   string // as it was written
	template *template.Template
	encoded  bool // a link in which all that is filled in is encoded: it is good for everybody
	// plain is the template where it is nothing but texts and variables: the common
	// case, which needs no interpreter and cannot fail.
	plain []piece
}

// piece is a text, or the name of a variable.
type piece struct {
	text, name string
	through    func(string) string // what the variable's value goes through; nil for nothing
}

// Compile reads a text.
func Compile(text string) (Text, error) { return compile(text, nil) }

// CompileLink reads a text that is a link: what is filled in behind its ? is encoded, lest it
// cut or add parameters; {{ raw .query }} is not.
func CompileLink(text string) (Text, error) {
	var w linkWriter
	t, err := compile(text, w.list)
	t.encoded = t.template != nil && !w.free
	return t, err
}

// CompileMarkup reads a text that may hold links: what is filled in cannot make another one.
func CompileMarkup(text string) (Text, error) { return compile(text, guardMarkup) }

// compile reads a text; rewrite changes what is done with its values.
func compile(text string, rewrite func(*parse.ListNode)) (Text, error) {
	if !strings.Contains(text, "{{") {
		return Text{constant: text}, nil
	}
	if len(text) > textMax {
		return Text{}, wxcast.NewError("spec.long_text", "n", len(text), "most", textMax)
	}
	t, err := template.New("").Option("missingkey=error").Funcs(helpers).Parse(text)
	if err != nil {
		return Text{}, wxcast.NewError("spec.bad_text", "why", strings.TrimPrefix(err.Error(), "template: :1: "))
	}
	if err := harmless(t); err != nil {
		return Text{}, err
	}
	if rewrite != nil {
		rewrite(t.Root)
	}
	return Text{source: text, template: t, plain: piecesOf(t.Root)}, nil
}

// piecesOf are a template's pieces; none where it does more than name variables.
func piecesOf(list *parse.ListNode) (pieces []piece) {
	for _, node := range list.Nodes {
		switch node := node.(type) {
		case *parse.TextNode:
			pieces = append(pieces, piece{text: string(node.Text)})
		case *parse.ActionNode:
			pipe := node.Pipe
			var through func(string) string
			if len(pipe.Cmds) == 2 {
				through = ownFuncs[pipe.Cmds[1].String()]
			}
			args := pipe.Cmds[0].Args
			if len(args) == 2 && len(pipe.Cmds) == 1 && isRaw(pipe) { // as it stands, which is as it is
				args = args[1:]
			}
			if len(pipe.Cmds) != 1 && through == nil || len(args) != 1 {
				return nil
			}
			field, ok := args[0].(*parse.FieldNode)
			if !ok || len(field.Ident) != 1 {
				return nil
			}
			pieces = append(pieces, piece{name: field.Ident[0], through: through})
		default:
			return nil
		}
	}
	return pieces
}

// MayFail tells whether the text may turn out impossible for a recipient.
func (v Text) MayFail() bool { return v.template != nil && v.plain == nil }

// PerPerson tells whether a link may be impossible for a recipient.
func (v Text) PerPerson() bool { return !v.Good() || v.MayFail() }

// Profile tells whether the text names what only the follower's row tells.
func (v Text) Profile() bool {
	return v.MayFail() || slices.ContainsFunc(v.plain, func(p piece) bool {
		return p.name != "" && p.name != "openid" && p.name != "mini_openid" && slices.Contains(Variables, "."+p.name)
	})
}

// Render fills in the text. all gives the facts to an interpreted template: see Facts.
func (v Text) Render(d *wxcast.Delivery, all func() map[string]string) (string, error) {
	if v.template == nil {
		return v.constant, nil
	}
	var b strings.Builder
	for i, p := range v.plain {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		text, ok := fact(d, p.name)
		if !ok {
			return "", wxcast.NewError("spec.no_such_variable", "text", v.source, "name",
				v.plain[i].name)
		}
		if p.through != nil {
			text = p.through(text)
		}
		b.WriteString(text)
	}
	if v.plain != nil {
		return b.String(), nil
	}
	if err := v.template.Execute(&bounded{&b}, all()); err != nil {
		// "template: :1:3: executing "" at <.name>: map has no entry for key "name""
		_, reason, found := strings.Cut(err.Error(), ">: ")
		if !found {
			reason = err.Error()
		}
		return "", wxcast.NewError("spec.cannot_fill", "text", v.source, "why", reason)
	}
	return b.String(), nil
}

// checkSyntax tells whether a text with {{ }} can be filled in at all.
func checkSyntax(text string, columns []string) error {
	v, err := Compile(text)
	if err != nil {
		return err
	}
	d := someone(columns)
	_, err = v.Render(d, func() map[string]string { return Facts(d) })
	return err
}

// Constant tells whether the text is the same for everybody.
func (v Text) Constant() bool { return v.template == nil }

// Good tells whether a link is good for everybody where it is for somebody: nothing that
// differs can make it another kind of link.
func (v Text) Good() bool { return v.template == nil || v.encoded }

// errorSays is what an error says about a text.
func errorSays(err error) wxcast.Sentence {
	var said wxcast.Said
	if errors.As(err, &said) {
		return said.Sentence()
	}
	return wxcast.Verbatim(err.Error())
}

// ValueError: a value that was filled in for a recipient does not fit its key, or cannot be
// filled in. Nothing was sent.
type ValueError struct {
	Key           string // of the spec, such as "data.thing1"
	Problem, Want wxcast.Sentence
}

func (e *ValueError) Error() string { return e.Key + ": " + e.Problem.String() }

// Sentence is what the error says.
func (e *ValueError) Sentence() wxcast.Sentence {
	return wxcast.Say("spec.bad_value", "key", e.Key, "problem", e.Problem, "want", e.Want)
}

// BadValue is the ValueError at one of the part's keys.
func (p Part) BadValue(key string, problem, want wxcast.Sentence) *ValueError {
	return &ValueError{Key: p.Key(key), Problem: problem, Want: want}
}

// CannotFill is the ValueError of a text that could not be filled in.
func (p Part) CannotFill(key string, err error) *ValueError {
	return p.BadValue(key, errorSays(err), wxcast.Sentence{})
}
