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
	return values.CheckSubscribe(s, part, c.TemplateID, c.Data, templates,
		wxcast.Say("subscribe.no_such_template", "id", c.TemplateID))
}

// Allowed are the values that keys of a part's template may have which have no others; nil where
// there is no such template.
func Allowed(part spec.Part, templates []wechat.SubscribeTemplate) map[string][]string {
	return values.Allowed(Of(part).TemplateID, templates)
}
