package template

import (
	"context"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Message is a spec's part ready to be written to one recipient after another. It is
// safe for concurrent use.
type Message struct {
	part       spec.Part
	templateID string
	url        spec.Text
	miniAppID  wxcast.AppID
	pagePath   spec.Text
	data       *values.Values
	messageKey string
}

// NewMessage compiles a spec's part for a broadcast with the given message key; miniAppID is
// the mini program that the message opens.
func NewMessage(s *spec.Spec, part spec.Part, miniAppID wxcast.AppID, messageKey string) (*Message, error) {
	c := Of(part)
	m := &Message{part: part, templateID: c.TemplateID, miniAppID: miniAppID, messageKey: messageKey}
	if c.NoMini {
		m.miniAppID = ""
	}
	var err error
	if m.pagePath, err = part.CompileLink(s, "miniprogram.pagepath", c.PagePath); err != nil {
		return nil, err
	}
	if m.url, err = part.CompileLink(s, "url", c.URL); err != nil {
		return nil, err
	}
	m.data, err = values.Compile(s, part, c.Data, values.OfTemplates, nil)
	return m, err
}

// Channel is the channel's name.
func (m *Message) Channel() string { return Name }

// PerPerson tells whether it can be written at all depends on the recipient.
func (m *Message) PerPerson() bool {
	return m.pagePath.PerPerson() || m.url.PerPerson() || m.data.PerPerson()
}

// Profile tells whether the message names what only the follower's row tells.
func (m *Message) Profile() bool { return m.pagePath.Profile() || m.url.Profile() || m.data.Profile() }

// For writes the message to one recipient. Its Data must not be changed. Errors are
// *spec.ValueError.
func (m *Message) For(d *wxcast.Delivery) (wechat.TemplateMessage, error) {
	all := spec.FactsOf(d)
	out := wechat.TemplateMessage{
		ToUser: d.OpenID, TemplateID: m.templateID, MiniAppID: m.miniAppID,
		ClientMsgID: ClientMsgID(m.messageKey, d.OpenID, d.Message),
	}
	var err error
	if out.PagePath, err = m.part.FillPage("miniprogram.pagepath", m.pagePath, d, all); err != nil {
		return out, err
	}
	if out.URL, err = m.part.FillLink("url", m.url, spec.CheckURL, d, all); err != nil {
		return out, err
	}
	out.Data, err = m.data.Fill(d, all)
	return out, err
}

// Show writes the message to one recipient, to be looked at.
func (m *Message) Show(d *wxcast.Delivery) (spec.Shown, error) {
	out, err := m.For(d)
	return spec.Shown{Channel: Name, To: string(out.ToUser), Data: out.Data, PagePath: out.PagePath, URL: out.URL}, err
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

// Send makes one call for a delivery. A *spec.ValueError means that none was made.
func (c Channel) Send(ctx context.Context, d *wxcast.Delivery) (msgID int64, err error) {
	m, err := c.For(d)
	if err != nil {
		return 0, err
	}
	return c.Sender.SendTemplate(ctx, m)
}
