package notice

import (
	"strings"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Content is what a spec says by subscription notice.
type Content struct {
	TemplateID string
	URL        string // opened where a mini program cannot be; may hold {{ }}
	MiniAppID  string // "" for the account's only mini program
	PagePath   string // may hold {{ }}; "" opens no mini program
	// Data are the template's values by key; they may hold {{ }}.
	Data map[string]string
}

// Form reads a subscription notice's keys of a spec: template, data, page and miniprogram.
type Form struct{}

// Channel is the channel's name.
func (Form) Channel() string { return Name }

// Read makes an empty content, and the fields that fill it in.
func (Form) Read(p *spec.Parser) (spec.Content, map[string]spec.Field) {
	c := &Content{Data: map[string]string{}}
	return c, map[string]spec.Field{
		"template": p.String(&c.TemplateID),
		"page":     p.Text(&c.URL), // as WeChat calls it
		"data":     values.Field(p, c.Data),
		"miniprogram": p.Section(map[string]spec.Field{
			"appid": p.String(&c.MiniAppID), "pagepath": p.Text(&c.PagePath),
		}),
	}
}

// Of is what a part of this channel says.
func Of(part spec.Part) *Content { return part.Content.(*Content) }

// Check complains of what can be judged without WeChat.
func (c *Content) Check(at spec.Place) {
	if c.TemplateID == "" {
		at.Complain("template", wxcast.Say("spec.missing"), wxcast.Say("notice.want_id"))
	}
	if !at.Given("data") {
		at.Complain("data", wxcast.Say("spec.missing"), wxcast.Say("template.want_data"))
	}
	if problem, want := spec.CheckPagePath(spec.WithoutVariables(c.PagePath)); !problem.IsZero() {
		at.Complain("miniprogram.pagepath", problem, want)
	}
	if at.Given("miniprogram") && c.PagePath == "" {
		at.Complain("miniprogram.pagepath", wxcast.Say("spec.missing"), wxcast.Say("service.want_page"))
	}
	if c.URL != "" && !strings.HasPrefix(c.URL, "{{") {
		if problem, want := spec.CheckURL(spec.WithoutVariables(c.URL)); !problem.IsZero() {
			at.Complain("page", problem, want)
		}
	}
}

// Texts are those that may hold {{ }}.
func (c *Content) Texts() map[string]string {
	texts := map[string]string{"page": c.URL, "miniprogram.pagepath": c.PagePath}
	values.Texts(texts, c.Data)
	return texts
}

// Identity writes what makes the message what it is.
func (c *Content) Identity(write func(name, value string)) {
	write("template", c.TemplateID)
	write("page", c.URL)
	write("miniprogram.appid", c.MiniAppID)
	write("miniprogram.pagepath", c.PagePath)
	values.Identity(c.Data, write)
}

// CheckTemplate holds a spec's part against the account's real templates of subscription notices.
func CheckTemplate(s *spec.Spec, part spec.Part, templates []wechat.SubscribeTemplate) []error {
	c := Of(part)
	return values.CheckSubscribe(s, part, c.TemplateID, c.Data, templates,
		wxcast.Say("doctor.no_such_template", "id", c.TemplateID))
}

// Allowed are the values that keys of a part's template may have which have no others; nil where
// there is no such template.
func Allowed(part spec.Part, templates []wechat.SubscribeTemplate) map[string][]string {
	return values.Allowed(Of(part).TemplateID, templates)
}
