package template

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Content is what a spec says by template message.
type Content struct {
	TemplateID string
	URL        string // opened where a mini program cannot be; may hold {{ }}
	NoMini     bool   // the message opens no mini program, but the URL
	MiniAppID  string // "" for the account's only mini program
	PagePath   string // may hold {{ }}; "" opens the mini program's home page
	// Data are the template's values by key; they may hold {{ }}.
	Data map[string]string
}

// Form reads a template message's keys of a spec: template, data, url and miniprogram.
type Form struct{}

// Channel is the channel's name.
func (Form) Channel() string { return Name }

// Read makes an empty content, and the fields that fill it in.
func (Form) Read(p *spec.Parser) (spec.Content, map[string]spec.Field) {
	c := &Content{Data: map[string]string{}}
	return c, map[string]spec.Field{
		"template": p.String(&c.TemplateID),
		"url":      p.Text(&c.URL),
		"data":     values.Field(p, c.Data),
		"miniprogram": c.miniProgram(p, p.Section(map[string]spec.Field{
			"appid": p.String(&c.MiniAppID), "pagepath": p.Text(&c.PagePath),
		})),
	}
}

// noMiniProgram is what stands at miniprogram where the message opens none.
const noMiniProgram = "none"

func (c *Content) miniProgram(p *spec.Parser, section spec.Field) spec.Field {
	return func(key string, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Value == noMiniProgram {
			c.NoMini = true
			return
		}
		section(key, n)
	}
}

// Of is what a part of this channel says.
func Of(part spec.Part) *Content { return part.Content.(*Content) }

// Check complains of what can be judged without WeChat.
func (c *Content) Check(at spec.Place) {
	if c.TemplateID == "" {
		at.Complain("template", wxcast.Say("spec.missing"), wxcast.Say("template.want_id"))
	}
	if !at.Given("data") {
		at.Complain("data", wxcast.Say("spec.missing"), wxcast.Say("template.want_data"))
	}
	if problem, want := spec.CheckPagePath(spec.WithoutVariables(c.PagePath)); !problem.IsZero() {
		at.Complain("miniprogram.pagepath", problem, want)
	}
	if c.URL != "" && !strings.HasPrefix(c.URL, "{{") {
		if problem, want := spec.CheckURL(spec.WithoutVariables(c.URL)); !problem.IsZero() {
			at.Complain("url", problem, want)
		}
	}
	if c.NoMini && c.URL == "" {
		at.Complain("miniprogram", wxcast.Say("template.opens_nothing"), wxcast.Say("template.want_opens"))
	}
}

// Texts are those that may hold {{ }}.
func (c *Content) Texts() map[string]string {
	texts := map[string]string{"miniprogram.pagepath": c.PagePath, "url": c.URL}
	values.Texts(texts, c.Data)
	return texts
}

// Identity writes what makes the message what it is.
func (c *Content) Identity(write func(name, value string)) {
	write("template", c.TemplateID)
	write("url", c.URL)
	write("miniprogram.appid", c.MiniAppID)
	if c.NoMini {
		write("miniprogram", noMiniProgram)
	}
	write("miniprogram.pagepath", c.PagePath)
	values.Identity(c.Data, write)
}
