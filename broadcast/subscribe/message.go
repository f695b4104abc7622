package subscribe

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
	part    spec.Part
	content *Content
	page    spec.Text
	data    *values.Values
}

// NewMessage compiles a spec's part. allowed is what Allowed says of its template; nil where
// WeChat was not asked: then such values are not held against anything.
func NewMessage(s *spec.Spec, part spec.Part, allowed map[string][]string) (*Message, error) {
	m := &Message{part: part, content: Of(part)}
	var err error
	if m.page, err = part.CompileLink(s, "page", m.content.PagePath); err != nil {
		return nil, err
	}
	m.data, err = values.Compile(s, part, m.content.Data, values.OfSubscribe, allowed)
	return m, err
}

// Channel is the channel's name.
func (m *Message) Channel() string { return Name }

// PerPerson tells whether it can be written at all depends on the recipient.
func (m *Message) PerPerson() bool { return m.page.PerPerson() || m.data.PerPerson() }

// Profile tells whether the message names what only the follower's row tells.
func (m *Message) Profile() bool { return m.page.Profile() || m.data.Profile() }

// For writes the message to one recipient. Its Data must not be changed. Errors are
// *spec.ValueError.
func (m *Message) For(d *wxcast.Delivery) (wechat.SubscribeMessage, error) {
	all := spec.FactsOf(d)
	out := wechat.SubscribeMessage{ToUser: d.MiniOpenID, TemplateID: m.content.TemplateID,
		Version: string(m.content.Version), Lang: string(m.content.Lang)}
	var err error
	if out.Page, err = m.part.FillPage("page", m.page, d, all); err != nil {
		return out, err
	}
	out.Data, err = m.data.Fill(d, all)
	return out, err
}

// Show writes the message to one recipient, to be looked at.
func (m *Message) Show(d *wxcast.Delivery) (spec.Shown, error) {
	out, err := m.For(d)
	return spec.Shown{Channel: Name, To: string(out.ToUser), Data: out.Data, PagePath: out.Page}, err
}

// Sender is WeChat, as far as subscribe messages go.
type Sender interface {
	SendSubscribe(ctx context.Context, m wechat.SubscribeMessage) (msgID int64, err error)
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
	return c.Sender.SendSubscribe(ctx, m)
}
