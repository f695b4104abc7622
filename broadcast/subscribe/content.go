package subscribe

import (
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Content is what a spec says by subscribe message.
type Content struct {
	TemplateID string
	PagePath   string // of the mini program that sends it; may hold {{ }}; "" opens nothing
	// Data are the template's values by key; they may hold {{ }}.
	Data      map[string]string
	Version   Version
	Lang      Lang
	MiniAppID string // "" for the account's only mini program
}

// Version is which version of the mini program a message opens.
type Version string

// The versions.
const (
	Developer Version = "developer"
	Trial     Version = "trial"
	Formal    Version = "formal"
)

// Lang is the language of what WeChat writes around the values.
type Lang string

// The languages.
const (
	Simplified  Lang = "zh_CN"
	English     Lang = "en_US"
	HongKong    Lang = "zh_HK"
	Traditional Lang = "zh_TW"
)

// Form reads a subscribe message's keys of a spec: template, page, data, miniprogram_state, lang
// and appid.
type Form struct{}

// Channel is the channel's name.
func (Form) Channel() string { return Name }

// Read makes an empty content, and the fields that fill it in.
func (Form) Read(p *spec.Parser) (spec.Content, map[string]spec.Field) {
	c := &Content{Data: map[string]string{}, Version: Formal, Lang: Simplified}
	return c, map[string]spec.Field{
		"template":          p.String(&c.TemplateID),
		"page":              p.Text(&c.PagePath),
		"data":              values.Field(p, c.Data),
		"miniprogram_state": spec.OneOf(p, &c.Version, "subscribe.no_state", Developer, Trial, Formal),
		"lang":              spec.OneOf(p, &c.Lang, "subscribe.no_lang", Simplified, English, HongKong, Traditional),
		"appid":             p.String(&c.MiniAppID),
	}
}

// Of is what a part of this channel says.
func Of(part spec.Part) *Content { return part.Content.(*Content) }

// Check complains of what can be judged without WeChat.
func (c *Content) Check(at spec.Place) {
	if c.TemplateID == "" {
		at.Complain("template", wxcast.Say("spec.missing"), wxcast.Say("subscribe.want_id"))
	}
	if !at.Given("data") {
		at.Complain("data", wxcast.Say("spec.missing"), wxcast.Say("template.want_data"))
	}
	if problem, want := spec.CheckPagePath(spec.WithoutVariables(c.PagePath)); !problem.IsZero() {
		at.Complain("page", problem, want)
	}
}

// Texts are those that may hold {{ }}.
func (c *Content) Texts() map[string]string {
	texts := map[string]string{"page": c.PagePath}
	values.Texts(texts, c.Data)
	return texts
}

// Identity writes what makes the message what it is; not what is so where a spec says nothing.
func (c *Content) Identity(write func(name, value string)) {
	write("template", c.TemplateID)
	write("page", c.PagePath)
	if c.Version != Formal {
		write("miniprogram_state", string(c.Version))
	}
	if c.Lang != Simplified {
		write("lang", string(c.Lang))
	}
	write("appid", c.MiniAppID)
	values.Identity(c.Data, write)
}
