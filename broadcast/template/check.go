package template

import (
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// CheckTemplate holds a spec's part against the account's real templates: the template
// exists, its keys are those of the spec, and constant values fit them.
func CheckTemplate(s *spec.Spec, part spec.Part, templates []wechat.Template) []error {
	c := Of(part)
	t, known, found := values.Find(c.TemplateID, templates)
	if found {
		return values.CheckTemplate(s, part, c.Data, t, values.OfTemplates, nil)
	}
	want := wxcast.Say("template.none")
	if len(known) > 0 {
		want = wxcast.Say("template.it_has", "templates", known)
	}
	return []error{part.Bad(s, "template", wxcast.Say("doctor.no_such_template", "id", c.TemplateID), want)}
}
