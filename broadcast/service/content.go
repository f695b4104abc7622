package service

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Content is what a spec says by customer-service message: a card, or a text.
type Content struct {
	Title    string // of the card; may hold {{ }}
	PagePath string // that the card opens; may hold {{ }}
	// ImageFile is the card's picture, beside the spec. MediaID is one that WeChat has already.
	ImageFile, MediaID string
	// Image is the picture itself, and ImageDigest its SHA-256. Where it stands in the spec, as a
	// data: URL, ImageFile is "". Else both are there once the spec's files were opened, and not in
	// a stored spec: who stores a broadcast keeps Image with it, by the digest, and gives the
	// channel a Picture that uploads what was kept.
	Image       []byte
	ImageDigest string
	Text        string // of a text message, maybe with links; may hold {{ }}
	MiniAppID   string // "" for the account's only mini program
}

const (
	// titleMax is ours: WeChat states none, and shows about two lines of a card's title.
	titleMax = 64
	// textMax is how many bytes WeChat takes in a text message: more end in 45002. Its page does
	// not say so; users report it.
	textMax = 2048
)

// Form reads a customer-service message's keys of a spec: title, pagepath, and image or media_id;
// or text; and appid.
type Form struct{}

// Channel is the channel's name.
func (Form) Channel() string { return Name }

// Read makes an empty content, and the fields that fill it in.
func (Form) Read(p *spec.Parser) (spec.Content, map[string]spec.Field) {
	c := &Content{}
	return c, map[string]spec.Field{
		"title":    p.Text(&c.Title),
		"pagepath": p.Text(&c.PagePath),
		"image":    c.readImage(p),
		"media_id": p.String(&c.MediaID),
		"text":     p.Text(&c.Text),
		"appid":    p.String(&c.MiniAppID),
	}
}

// Of is what a part of this channel says.
func Of(part spec.Part) *Content { return part.Content.(*Content) }

// Check complains of what can be judged without WeChat.
func (c *Content) Check(at spec.Place) {
	if c.Text != "" {
		c.checkText(at)
		return
	}
	if c.Title == "" {
		at.Complain("title", wxcast.Say("spec.missing"), wxcast.Say("service.want_title"))
	} else if !strings.Contains(c.Title, "{{") {
		if problem, want := checkTitle(c.Title); !problem.IsZero() {
			at.Complain("title", problem, want)
		}
	}
	if c.PagePath == "" {
		at.Complain("pagepath", wxcast.Say("spec.missing"), wxcast.Say("service.want_page"))
	} else if problem, want := spec.CheckPagePath(spec.WithoutVariables(c.PagePath)); !problem.IsZero() {
		at.Complain("pagepath", problem, want)
	}
	switch {
	case !c.hasImage() && c.MediaID == "":
		at.Complain("image", wxcast.Say("spec.missing"), wxcast.Say("service.want_image"))
	case c.hasImage() && c.MediaID != "":
		at.Complain("media_id", wxcast.Say("service.two_images"), wxcast.Say("spec.remove_one"))
	}
}

func (c *Content) checkText(at spec.Place) {
	for _, of := range []struct {
		key  string
		said bool
	}{
		{"title", c.Title != ""}, {"pagepath", c.PagePath != ""}, {"image", c.hasImage()},
		{"media_id", c.MediaID != ""},
	} {
		if of.said {
			at.Complain(of.key, wxcast.Say("service.both"), wxcast.Say("service.want_one"))
		}
	}
	if !strings.Contains(c.Text, "{{") {
		if problem, want := checkText(c.Text); !problem.IsZero() {
			at.Complain("text", problem, want)
		}
	}
}

// checkTitle tells what is wrong with a card's title.
func checkTitle(title string) (problem, want wxcast.Sentence) {
	switch n := utf8.RuneCountInString(title); {
	case title == "":
		return wxcast.Say("spec.empty"), wxcast.Say("template.no_empty")
	case strings.ContainsFunc(title, unicode.IsControl):
		return wxcast.Say("template.control", "value", title), wxcast.Say("template.one_line")
	case n > titleMax:
		return wxcast.Say("service.long_title", "value", title, "n", n),
			wxcast.Say("service.title_most", "most", titleMax)
	}
	return problem, want
}

// checkText tells what is wrong with a text message.
func checkText(text string) (problem, want wxcast.Sentence) {
	switch {
	case strings.TrimSpace(text) == "":
		return wxcast.Say("spec.empty"), wxcast.Say("template.no_empty")
	case len(text) > textMax:
		return wxcast.Say("service.long_text", "n", len(text)), wxcast.Say("service.text_most", "most", textMax)
	}
	return problem, want
}

// Texts are those that may hold {{ }}.
func (c *Content) Texts() map[string]string {
	return map[string]string{"title": c.Title, "pagepath": c.PagePath, "text": c.Text}
}

// Identity writes what makes the message what it is: a picture by what it shows, not by its name.
func (c *Content) Identity(write func(name, value string)) {
	write("title", c.Title)
	write("pagepath", c.PagePath)
	write("image", c.ImageDigest)
	write("media_id", c.MediaID)
	write("text", c.Text)
	write("appid", c.MiniAppID)
}
