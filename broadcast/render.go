package broadcast

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

	"github.com/wxcast/wxcast/internal/wechat"
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

// facts are all variables' values for one recipient.
func facts(d *wxcast.Delivery) map[string]string {
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
	"truncate": func(most int, text string) string { return truncate(text, most) },
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
}

// truncate cuts a text to at most so many characters, the last of them … if it cuts.
func truncate(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	if most < 1 {
		return ""
	}
	return string([]rune(text)[:most-1]) + "…"
}

// someone is a recipient that has every fact and these columns, to try templates on.
func someone(columns []string) *wxcast.Delivery {
	vars := make(map[string]string, len(columns))
	for _, column := range columns {
		vars[column] = ""
	}
	return &wxcast.Delivery{
		Follower:   wxcast.Follower{OpenID: "o", UnionID: "u", Remark: "r", SubscribeTime: time.Unix(1, 0), Tags: []int{1}},
		MiniOpenID: "m", Vars: vars,
	}
}

// value is one text of a spec, compiled if it holds variables.
type value struct {
	constant string
	template *template.Template
	// plain is the template where it is nothing but texts and variables: the common
	// case, which needs no interpreter and cannot fail.
	plain []piece
}

// piece is a text, or the name of a variable.
type piece struct{ text, name string }

func compile(text string) (value, error) {
	if !strings.Contains(text, "{{") {
		return value{constant: text}, nil
	}
	t, err := template.New("").Option("missingkey=error").Funcs(helpers).Parse(text)
	if err != nil {
		return value{}, errors.New(strings.TrimPrefix(err.Error(), "template: :1: "))
	}
	return value{template: t, plain: piecesOf(t.Root)}, nil
}

// piecesOf are a template's pieces; none where it does more than name variables.
func piecesOf(list *parse.ListNode) (pieces []piece) {
	for _, node := range list.Nodes {
		switch node := node.(type) {
		case *parse.TextNode:
			pieces = append(pieces, piece{text: string(node.Text)})
		case *parse.ActionNode:
			pipe := node.Pipe
			if len(pipe.Decl) > 0 || len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
				return nil
			}
			field, ok := pipe.Cmds[0].Args[0].(*parse.FieldNode)
			if !ok || len(field.Ident) != 1 {
				return nil
			}
			pieces = append(pieces, piece{name: field.Ident[0]})
		default:
			return nil
		}
	}
	return pieces
}

// mayFail tells whether the text may turn out impossible for a recipient.
func (v value) mayFail() bool { return v.template != nil && v.plain == nil }

// profile tells whether the text names what only the follower's row tells.
func (v value) profile() bool {
	return v.mayFail() || slices.ContainsFunc(v.plain, func(p piece) bool {
		return p.name != "" && p.name != "openid" && p.name != "mini_openid" && slices.Contains(Variables, "."+p.name)
	})
}

// render fills in the text. all gives the facts to an interpreted template.
func (v value) render(d *wxcast.Delivery, all func() map[string]string) (string, error) {
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
			return "", fmt.Errorf("%q cannot be filled in: there is no variable .%s", v.template.Root.String(), v.plain[i].name)
		}
		b.WriteString(text)
	}
	if v.plain != nil {
		return b.String(), nil
	}
	if err := v.template.Execute(&b, all()); err != nil {
		// "template: :1:3: executing "" at <.name>: map has no entry for key "name""
		_, reason, found := strings.Cut(err.Error(), ">: ")
		if !found {
			reason = err.Error()
		}
		return "", fmt.Errorf("%q cannot be filled in: %s", v.template.Root.String(), reason)
	}
	return b.String(), nil
}

// checkSyntax tells whether a text with {{ }} can be filled in at all.
func checkSyntax(text string, columns []string) error {
	v, err := compile(text)
	if err != nil {
		return err
	}
	d := someone(columns)
	_, err = v.render(d, func() map[string]string { return facts(d) })
	return err
}

// Message is a spec ready to be written to one recipient after another. It is
// safe for concurrent use.
type Message struct {
	templateID string
	url        string
	miniAppID  wxcast.AppID
	pagePath   value
	data       map[string]value
	constants  map[string]string // the data, where nothing in it depends on the recipient
	messageKey string
	// perPerson: whether it can be written at all depends on the recipient.
	perPerson bool
	// profile: it names what only the follower's row tells.
	profile bool
	onBad   OnBadValue
}

// BadValueError: a recipient's value does not fit its key.
type BadValueError struct{ Key, Problem, Want string }

func (e *BadValueError) Error() string { return e.Key + ": " + e.Problem + "; " + e.Want }

// NewMessage compiles a spec for a broadcast with the given message key.
func NewMessage(s *Spec, miniAppID wxcast.AppID, messageKey string) (*Message, error) {
	m := &Message{templateID: s.TemplateID, url: s.URL, miniAppID: miniAppID, messageKey: messageKey, onBad: s.OnBadValue, data: make(map[string]value, len(s.Data))}
	var err error
	if m.pagePath, err = compile(s.PagePath); err != nil {
		return nil, s.Bad("miniprogram.pagepath", err.Error(), "")
	}
	m.perPerson, m.profile = m.pagePath.mayFail(), m.pagePath.profile()
	for key, text := range s.Data {
		if m.data[key], err = compile(text); err != nil {
			return nil, s.Bad("data."+key, err.Error(), "")
		}
		m.perPerson = m.perPerson || m.data[key].template != nil
		m.profile = m.profile || m.data[key].profile()
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(m.data)), func(v value) bool { return v.template != nil }) {
		m.constants = s.Data
	}
	return m, nil
}

// For writes the message to one recipient. Its Data must not be changed.
func (m *Message) For(d *wxcast.Delivery) (wechat.TemplateMessage, error) {
	var known map[string]string
	all := func() map[string]string {
		if known == nil {
			known = facts(d)
		}
		return known
	}
	out := wechat.TemplateMessage{
		ToUser: d.OpenID, TemplateID: m.templateID, URL: m.url, MiniAppID: m.miniAppID,
		ClientMsgID: ClientMsgID(m.messageKey, d.OpenID), Data: m.constants,
	}
	var err error
	if out.PagePath, err = m.pagePath.render(d, all); err != nil || m.constants != nil {
		return out, err
	}
	out.Data = make(map[string]string, len(m.data))
	for key, v := range m.data {
		text, err := v.render(d, all)
		if err != nil {
			return out, err
		}
		if v.template != nil { // constants were checked with the spec
			if text, err = m.fit(key, text); err != nil {
				return out, err
			}
		}
		out.Data[key] = text
	}
	return out, nil
}

// fit holds a filled-in value against its key's type.
func (m *Message) fit(key, text string) (string, error) {
	problem, want := CheckValue(key, text)
	if problem == "" {
		return text, nil
	}
	if most := lengthMax(key); most > 0 && m.onBad == TruncateBadValue {
		cut := truncate(strings.Map(printable, text), most)
		if problem, _ := CheckValue(key, cut); problem == "" {
			return cut, nil
		}
	}
	return "", &BadValueError{key, problem, want}
}

// printable turns line breaks and other control characters into spaces.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
