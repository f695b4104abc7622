package template

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Message is a spec ready to be written to one recipient after another. It is
// safe for concurrent use.
type Message struct {
	templateID string
	url        spec.Text
	miniAppID  wxcast.AppID
	pagePath   spec.Text
	data       map[string]spec.Text
	constants  map[string]string // the data, where nothing in it depends on the recipient
	messageKey string
	// perPerson: whether it can be written at all depends on the recipient.
	perPerson bool
	// profile: it names what only the follower's row tells.
	profile bool
	onBad   spec.OnBadValue
}

// NewMessage compiles a spec for a broadcast with the given message key; miniAppID is the
// mini program that the message opens.
func NewMessage(s *spec.Spec, miniAppID wxcast.AppID, messageKey string) (*Message, error) {
	c := Of(s)
	m := &Message{templateID: c.TemplateID, miniAppID: miniAppID, messageKey: messageKey,
		onBad: s.OnBadValue, data: make(map[string]spec.Text, len(c.Data))}
	if c.NoMini {
		m.miniAppID = ""
	}
	var err error
	if m.pagePath, err = spec.CompileLink(c.PagePath); err != nil {
		return nil, s.Bad("miniprogram.pagepath", said(err), wxcast.Sentence{})
	}
	if m.url, err = spec.CompileLink(c.URL); err != nil {
		return nil, s.Bad("url", said(err), wxcast.Sentence{})
	}
	for _, link := range []spec.Text{m.pagePath, m.url} {
		m.perPerson = m.perPerson || !link.Good() || link.MayFail()
	}
	m.profile = m.pagePath.Profile() || m.url.Profile()
	constant := true
	for key, text := range c.Data {
		v, err := spec.Compile(text)
		if err != nil {
			return nil, s.Bad("data."+key, said(err), wxcast.Sentence{})
		}
		m.data[key] = v
		constant = constant && v.Constant()
		m.perPerson = m.perPerson || !v.Constant()
		m.profile = m.profile || v.Profile()
	}
	if constant {
		m.constants = c.Data
	}
	return m, nil
}

func said(err error) wxcast.Sentence {
	var s wxcast.Said
	if errors.As(err, &s) {
		return s.Sentence()
	}
	return wxcast.Verbatim(err.Error())
}

// PerPerson tells whether it can be written at all depends on the recipient.
func (m *Message) PerPerson() bool { return m.perPerson }

// For writes the message to one recipient. Its Data must not be changed. Errors are
// *spec.ValueError.
func (m *Message) For(d *wxcast.Delivery) (wechat.TemplateMessage, error) {
	var known map[string]string
	all := func() map[string]string {
		if known == nil {
			known = spec.Facts(d)
		}
		return known
	}
	out := wechat.TemplateMessage{
		ToUser: d.OpenID, TemplateID: m.templateID, MiniAppID: m.miniAppID,
		ClientMsgID: ClientMsgID(m.messageKey, d.OpenID), Data: m.constants,
	}
	var err error
	if out.PagePath, err = link("miniprogram.pagepath", m.pagePath, spec.CheckPagePath, d, all); err != nil {
		return out, err
	}
	if out.URL, err = link("url", m.url, spec.CheckURL, d, all); err != nil {
		return out, err
	}
	if m.constants != nil {
		return out, nil
	}
	out.Data = make(map[string]string, len(m.data))
	for key, v := range m.data {
		text, err := v.Render(d, all)
		if err != nil {
			return out, spec.CannotFill("data."+key, err)
		}
		if !v.Constant() { // constants were checked with the spec
			var bad *spec.ValueError
			if text, bad = m.fit(key, text); bad != nil {
				return out, bad
			}
		}
		out.Data[key] = text
	}
	return out, nil
}

// link fills in a link; a constant one was checked with the spec.
func link(key string, text spec.Text, check func(string) (problem, want wxcast.Sentence), d *wxcast.Delivery,
	all func() map[string]string) (string, error) {
	out, err := text.Render(d, all)
	if err != nil {
		return "", spec.CannotFill(key, err)
	}
	if text.Good() {
		return out, nil
	}
	if problem, want := check(out); !problem.IsZero() {
		return "", &spec.ValueError{Key: key, Problem: problem, Want: want}
	}
	return out, nil
}

// fit holds a filled-in value against its key's type.
func (m *Message) fit(key, text string) (string, *spec.ValueError) {
	problem, want := CheckValue(key, text)
	if problem.IsZero() {
		return text, nil
	}
	if most := lengthMax(key); most > 0 && m.onBad == spec.TruncateBadValue {
		cut := spec.Truncate(strings.Map(printable, text), most)
		if problem, _ := CheckValue(key, cut); problem.IsZero() {
			return cut, nil
		}
	}
	return "", &spec.ValueError{Key: "data." + key, Problem: problem, Want: want}
}

// printable turns line breaks and other control characters into spaces.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// Sender is WeChat, as far as template messages go.
type Sender interface {
	SendTemplate(ctx context.Context, m wechat.TemplateMessage) (msgID int64, err error)
}

// Channel sends one broadcast's messages.
type Channel struct {
	*Message
	Sender Sender
}

// Facts are the channel's.
func (c Channel) Facts() wxcast.Channel { return Facts }

// Profile tells whether the message names what only the follower's row tells.
func (c Channel) Profile() bool { return c.profile }

// Send makes one call for a delivery. A *spec.ValueError means that none was made.
func (c Channel) Send(ctx context.Context, d *wxcast.Delivery) (msgID int64, err error) {
	m, err := c.For(d)
	if err != nil {
		return 0, err
	}
	return c.Sender.SendTemplate(ctx, m)
}
