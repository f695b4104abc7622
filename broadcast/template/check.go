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
	return values.Templates{
		All: templates, Rules: values.OfTemplates, None: wxcast.Say("template.none"),
		NoSuch: wxcast.Say("doctor.no_such_template", "id", c.TemplateID),
	}.Check(s, part, c.TemplateID, c.Data)
}
