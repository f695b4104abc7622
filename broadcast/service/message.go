package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Out is one message to one follower: a card, or a text where there is one.
type Out struct {
	ToUser    wxcast.OpenID
	Title     string
	MiniAppID wxcast.AppID
	PagePath  string // without a leading slash
	Text      string // "" for a card
}

// Message is a spec's part ready to be written to one recipient after another. It is
// safe for concurrent use.
type Message struct {
	part                  spec.Part
	miniAppID             wxcast.AppID
	mediaID               string
	cut                   bool
	title, pagePath, text spec.Text
	isText                bool
}

// NewMessage compiles a spec's part; miniAppID is the mini program that the card opens.
func NewMessage(s *spec.Spec, part spec.Part, miniAppID wxcast.AppID) (*Message, error) {
	c := Of(part)
	m := &Message{part: part, miniAppID: miniAppID, mediaID: c.MediaID, isText: c.Text != "",
		cut: s.OnBadValue == spec.TruncateBadValue}
	var err error
	if m.title, err = part.Compile(s, "title", c.Title); err != nil {
		return nil, err
	}
	if m.pagePath, err = part.CompileLink(s, "pagepath", c.PagePath); err != nil {
		return nil, err
	}
	m.text, err = part.CompileMarkup(s, "text", c.Text)
	return m, err
}

// Channel is the channel's name.
func (m *Message) Channel() string { return Name }

// PerPerson tells whether it can be written at all depends on the recipient.
func (m *Message) PerPerson() bool {
	return !m.title.Constant() || m.pagePath.PerPerson() || !m.text.Constant()
}

// Profile tells whether the message names what only the follower's row tells.
func (m *Message) Profile() bool {
	return m.title.Profile() || m.pagePath.Profile() || m.text.Profile()
}

// For writes the message to one recipient. Errors are *spec.ValueError.
func (m *Message) For(d *wxcast.Delivery) (out Out, err error) {
	all := spec.FactsOf(d)
	out.ToUser = d.OpenID
	if m.isText {
		out.Text, err = m.fill("text", m.text, checkText, d, all)
		return out, err
	}
	out.MiniAppID = m.miniAppID
	if out.PagePath, err = m.part.FillPage("pagepath", m.pagePath, d, all); err != nil {
		return out, err
	}
	out.Title, err = m.fill("title", m.title, checkTitle, d, all)
	return out, err
}

// fill fills in a text, and holds it against what its key takes. Only a title is cut: the end of a
// text may be a link's.
func (m *Message) fill(key string, text spec.Text, check func(string) (problem, want wxcast.Sentence),
	d *wxcast.Delivery, all func() map[string]string) (string, error) {
	out, err := text.Render(d, all)
	if err != nil {
		return "", m.part.CannotFill(key, err)
	}
	if text.Constant() {
		return out, nil // it was checked with the spec
	}
	if m.cut && !m.isText {
		out = spec.Truncate(strings.Map(spec.Printable, out), titleMax)
	}
	if problem, want := check(out); !problem.IsZero() {
		return "", m.part.BadValue(key, problem, want)
	}
	return out, nil
}

// Show writes the message to one recipient, to be looked at.
func (m *Message) Show(d *wxcast.Delivery) (spec.Shown, error) {
	out, err := m.For(d)
	return spec.Shown{Channel: Name, To: string(out.ToUser), PagePath: out.PagePath, Title: out.Title,
		Text: out.Text}, err
}

// Sender is WeChat, as far as customer-service messages go.
type Sender interface {
	SendCard(ctx context.Context, c wechat.Card) error
	SendCustomText(ctx context.Context, t wechat.CustomText) error
}

// Channel sends one broadcast's messages.
type Channel struct {
	*Message
	Sender Sender
	// Picture is the card's, where the spec names no media_id.
	Picture Picture
}

// Picture is a card's picture at WeChat, which forgets one after three days. It is asked before
// each card, by several senders at once.
type Picture interface {
	// MediaID is WeChat's id of it; it is uploaded where it has to be.
	MediaID(ctx context.Context) (mediaID string, err error)
	// Forget takes back an id that WeChat does not know any more.
	Forget(ctx context.Context, mediaID string)
}

// badMedia is that WeChat knows no such picture.
const badMedia = 40007

// Facts are the channel's.
func (c Channel) Facts() wxcast.Channel { return Facts }

// Send makes one call for a delivery; there is no msgid. A *spec.ValueError means that none was
// made.
func (c Channel) Send(ctx context.Context, d *wxcast.Delivery) (msgID int64, err error) {
	out, err := c.For(d)
	if err != nil {
		return 0, err
	}
	if c.isText {
		return 0, c.Sender.SendCustomText(ctx, wechat.CustomText{ToUser: out.ToUser, Content: out.Text})
	}
	card := wechat.Card{ToUser: out.ToUser, Title: out.Title, MiniAppID: out.MiniAppID, PagePath: out.PagePath,
		ThumbMediaID: c.mediaID}
	for again := false; ; again = true {
		if c.mediaID == "" {
			if card.ThumbMediaID, err = c.Picture.MediaID(ctx); err != nil {
				return 0, fmt.Errorf("the card's picture: %w", notSent(err))
			}
		}
		err := c.Sender.SendCard(ctx, card)
		if again || c.mediaID != "" || wechat.CodeOf(err) != badMedia {
			return 0, err
		}
		c.Picture.Forget(ctx, card.ThumbMediaID) // it surely did not go out: it is uploaded anew
	}
}

// notSent is an upload's error for a message: whatever became of the upload, the message did not
// leave.
func notSent(err error) error {
	var e *wechat.Error
	if !errors.As(err, &e) || !e.MaybeDone {
		return err
	}
	clear := *e
	clear.MaybeDone = false
	return &clear
}
