package browser

import (
	"fmt"
	"testing"
)

// Each page, in both languages, at the width of a desk and of a phone: nothing that the browser
// complains of, nothing in the way of a keyboard or a screen reader.
func TestEachPageInBothLanguagesAtBothWidths(t *testing.T) {
	h := open(t)
	b := chromium(t)
	first := h.visit(t, b, "en", 1440)
	first.join(h.link, "correct horse battery staple", false)
	cookies := first.MustCookies()
	for _, lang := range []string{"en", "zh-CN"} {
		for _, width := range []int{1440, 360} {
			t.Run(fmt.Sprintf("%s-%d", lang, width), func(t *testing.T) {
				v := h.visit(t, b, lang, width)
				name := func(page string) string { return fmt.Sprintf("%s-%s-%d", page, lang[:2], width) }
				v.to("/sign-in")
				v.accessible()
				v.shoot(name("sign-in"))
				for _, c := range cookies {
					v.MustSetCookies(param(h, c.Name, c.Value))
				}
				for _, page := range pages {
					v.to(page.path)
					v.one("main")
					v.accessible()
					v.shoot(name(page.name))
				}
			})
		}
	}
}

// pages are all pages that an admin can open.
var pages = []struct{ name, path string }{
	{"overview", "/"},
	{"broadcasts", "/accounts/default/broadcasts"},
	{"broadcast", "/accounts/default/broadcasts/3"},
	{"broadcast-people", "/accounts/default/broadcasts/3/people?state=sent"},
	{"people", "/accounts/default/people"},
	{"templates", "/accounts/default/templates"},
	{"presets", "/accounts/default/presets"},
	{"permits", "/accounts/default/permits"},
	{"sync", "/accounts/default/sync"},
	{"jobs", "/accounts/default/jobs"},
	{"reports", "/accounts/default/reports"},
	{"compare", "/accounts/default/compare?id=1&id=2"},
	{"events", "/accounts/default/events"},
	{"systems", "/accounts/default/systems"},
	{"doctor", "/accounts/default/doctor"},
	{"keys", "/accounts/default/keys"},
	{"audit", "/accounts/default/audit"},
	{"me", "/me"},
	{"users", "/users"},
}
