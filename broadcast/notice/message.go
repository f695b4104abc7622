package notice

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
	part          spec.Part
	templateID    string
	miniAppID     wxcast.AppID
	url, pagePath spec.Text
	data          *values.Values
}

// NewMessage compiles a spec's part; miniAppID is the mini program that the message opens, if the
// part names a page of one. allowed is what Allowed says of its template; nil where WeChat was not
// asked.
func NewMessage(s *spec.Spec, part spec.Part, miniAppID wxcast.AppID, allowed map[string][]string) (*Message, error) {
	c := Of(part)
	m := &Message{part: part, templateID: c.TemplateID}
	if c.PagePath != "" {
		m.miniAppID = miniAppID
	}
	var err error
	if m.url, err = part.CompileLink(s, "page", c.URL); err != nil {
		return nil, err
	}
	if m.pagePath, err = part.CompileLink(s, "miniprogram.pagepath", c.PagePath); err != nil {
		return nil, err
	}
	m.data, err = values.Compile(s, part, c.Data, values.OfSubscribe, allowed)
	return m, err
}

// Channel is the channel's name.
func (m *Message) Channel() string { return Name }

// PerPerson tells whether it can be written at all depends on the recipient.
func (m *Message) PerPerson() bool {
	return m.url.PerPerson() || m.pagePath.PerPerson() || m.data.PerPerson()
}

// Profile tells whether the message names what only the follower's row tells.
func (m *Message) Profile() bool { return m.url.Profile() || m.pagePath.Profile() || m.data.Profile() }

// For writes the message to one recipient. Its Data must not be changed. Errors are
// *spec.ValueError.
func (m *Message) For(d *wxcast.Delivery) (wechat.NoticeMessage, error) {
	all := spec.FactsOf(d)
	out := wechat.NoticeMessage{ToUser: d.OpenID, TemplateID: m.templateID, MiniAppID: m.miniAppID}
	var err error
	if out.Page, err = m.part.FillLink("page", m.url, spec.CheckURL, d, all); err != nil {
		return out, err
	}
	if out.PagePath, err = m.part.FillPage("miniprogram.pagepath", m.pagePath, d, all); err != nil {
		return out, err
	}
	out.Data, err = m.data.Fill(d, all)
	return out, err
}

// Show writes the message to one recipient, to be looked at.
func (m *Message) Show(d *wxcast.Delivery) (spec.Shown, error) {
	out, err := m.For(d)
	return spec.Shown{Channel: Name, To: string(out.ToUser), Data: out.Data, PagePath: out.PagePath, URL: out.Page}, err
}

// Sender is WeChat, as far as subscription notices go.
type Sender interface {
	SendNotice(ctx context.Context, m wechat.NoticeMessage) (msgID int64, err error)
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
	return c.Sender.SendNotice(ctx, m)
}
