package values

import (
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// CheckSubscribe holds a part's values against an app's templates of subscribe messages. noSuch
// says that the part's is not there.
func CheckSubscribe(s *spec.Spec, part spec.Part, id string, data map[string]string,
	templates []wechat.SubscribeTemplate, noSuch wxcast.Sentence) []error {
	w := Templates{Rules: OfSubscribe, Allowed: Allowed(id, templates), NoSuch: noSuch,
		None: wxcast.Say("subscribe.none")}
	for _, t := range templates {
		w.All = append(w.All, t.Template)
	}
	return w.Check(s, part, id, data)
}

// Allowed are the values that keys of a template may have which have no others; nil where there
// is no such template.
func Allowed(id string, templates []wechat.SubscribeTemplate) map[string][]string {
	for _, t := range templates {
		if t.ID == id {
			return t.Enums
		}
	}
	return nil
}
