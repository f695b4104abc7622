package subscribe

import (
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// CheckTemplate holds a spec's part against the mini program's real templates: the template
// exists, its keys are those of the spec, and constant values fit them.
func CheckTemplate(s *spec.Spec, part spec.Part, templates []wechat.SubscribeTemplate) []error {
	c := Of(part)
	all := make([]wechat.Template, len(templates))
	for i, t := range templates {
		all[i] = t.Template
	}
	t, known, found := values.Find(c.TemplateID, all)
	if found {
		return values.CheckTemplate(s, part, c.Data, t, values.OfSubscribe, Allowed(part, templates))
	}
	want := wxcast.Say("subscribe.none")
	if len(known) > 0 {
		want = wxcast.Say("template.it_has", "templates", known)
	}
	return []error{part.Bad(s, "template", wxcast.Say("subscribe.no_such_template", "id", c.TemplateID), want)}
}

// Allowed are the values that keys of a part's template may have which have no others; nil where
// there is no such template.
func Allowed(part spec.Part, templates []wechat.SubscribeTemplate) map[string][]string {
	for _, t := range templates {
		if t.ID == Of(part).TemplateID {
			return t.Enums
		}
	}
	return nil
}
