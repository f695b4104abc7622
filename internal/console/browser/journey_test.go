package browser

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The whole way: an operator signs in with a second factor, makes a broadcast, asks for an
// approval; an approver gives it; the operator starts it, slows it down, pauses it, lets it go
// on; and it stands in the report. In both languages, on a desk and on a phone.
func TestFromSignInToReport(t *testing.T) {
	b := chromium(t)
	for _, lang := range []string{"en", "zh-CN"} {
		for _, width := range []int{1440, 360} {
			t.Run(fmt.Sprintf("%s-%d", lang, width), func(t *testing.T) {
				h := openWith(t, []string{"WXCAST_CONSOLE_APPROVE_ABOVE=10"})
				shot := func(name string) string { return fmt.Sprintf("way-%s-%s-%d", name, lang[:2], width) }
				v := h.visit(t, b, lang, width)
				secret := v.join(h.invite(t, "han", "operator", true), "a long way to the sea", true)
				v.one("main h1")

				// Out, and in again: with the next code, since one is good once.
				v.menu()
				v.press(`form[action$="/sign-out"] button`)
				v.fill("#name", "han")
				v.fill("#password", "a long way to the sea")
				v.fill("#code", code(t, secret, 30*time.Second))
				v.press("button.first")

				v.to("/accounts/default/broadcasts")
				v.press(`form[action$="/drafts"] button`)
				v.fill("#name", "autumn-sale")
				v.choose("#p0-template", "上新提醒", `select[name="p0.template"]`)
				v.press(`button:not(.skip)[name=go][value=content]`)
				for _, field := range v.MustElements(`input[name^="p0.data."]`) {
					text := "秋季上新"
					if strings.Contains(*field.MustAttribute("name"), "time") {
						text = "2026-11-30 10:00"
					}
					field.MustSelectAllText().MustInput(text)
				}
				v.says("秋季上新")
				v.accessible()
				v.shoot(shot("content"))
				v.press(`button:not(.skip)[name=go][value=audience]`)
				v.fill(`input[name="audience.limit"]`, "200")
				v.until("200 are counted", func() bool { return v.part("#count .big") == "200" })
				v.accessible()
				v.shoot(shot("audience"))
				v.press(`button:not(.skip)[name=go][value=sending]`)
				v.fill(`input[name="rate"]`, "8")
				v.accessible()
				v.shoot(shot("sending"))
				v.press(`button:not(.skip)[name=go][value=check]`)
				v.one(".phone")
				v.accessible()
				v.one(`form[hx-post$="/testers/code"] button`).MustClick()
				v.one("#testercode svg.qr")
				if lang == "en" && width == 360 { // the real message waits a minute behind the test, as WeChat has it
					v.fill("#to", v.one(".cards .mono").MustText())
					v.one("#make-tester").MustClick()
					v.one("#testers li")
					v.one("#to-all button").MustClick()
					v.one("#tests .tag.good")
				}
				v.accessible()
				v.shoot(shot("check"))
				v.press(`form[action$="/submit"] button`)

				broadcast := v.MustInfo().URL[len(h.url):]
				broadcast, _, _ = strings.Cut(broadcast, "?")
				v.until("the recipients are fixed", func() bool { v.to(broadcast); return v.has(`form[action$="/ask"] button`) })
				v.press(`form[action$="/ask"] button`)
				v.shoot(shot("asked"))

				approver := h.visit(t, b, lang, width)
				approver.join(h.invite(t, "wei", "approver", false), "mountains behind the mist", false)
				approver.to(broadcast)
				approver.one(`button[data-opens=approve]`).MustClick()
				approver.fill("#approve-n", "200")
				approver.accessible()
				approver.shoot(shot("approve"))
				approver.press("#approve button.first")

				v.to(broadcast)
				v.one(`button[data-opens=start]`).MustClick()
				v.fill("#recipients", "200")
				v.press("#start button.first")
				v.until("messages leave", func() bool { return number(v.part("#live .big")) > 0 })
				v.fill("#rate", "5")
				v.press(`form[action$="/steer"] button`)
				v.accessible()
				v.press(`form[action$="/pause"] button`)
				v.until("it is paused", func() bool { return v.has(".tag.paused") })
				v.shoot(shot("paused"))
				paused := number(v.part("#live .big"))
				time.Sleep(2500 * time.Millisecond) // nothing may leave meanwhile
				v.to(broadcast)
				v.one("#live .big")
				if n := number(v.part("#live .big")); n > paused+10 {
					t.Errorf("%d were sent when it was paused, %d a while later", paused, n)
				}
				v.fill("#rate", "500")
				v.press(`form[action$="/steer"] button`)
				v.press(`form[action$="/resume"] button`)
				v.within(100*time.Second, "all are sent", func() bool { v.to(broadcast); return v.has(".tag.done") })
				v.accessible()
				v.shoot(shot("done"))
				v.to("/accounts/default/reports")
				v.press("main ul a")
				v.says("autumn-sale")
			})
		}
	}
}

var digits = regexp.MustCompile(`^[\d,]+`)

// number is the one that a text begins with.
func number(text string) (n int) {
	_, _ = fmt.Sscan(strings.ReplaceAll(digits.FindString(text), ",", ""), &n)
	return n
}

// menu opens the menu where it is closed, as on a phone.
func (v *viewer) menu() {
	v.t.Helper()
	if v.MustEval(`() => !document.querySelector("details.menu").open`).Bool() {
		v.one("details.menu > summary").MustClick()
	}
}

// choose picks the option of a select that begins with a text, or else the first that is one.
func (v *viewer) choose(_, begins, selector string) {
	v.t.Helper()
	v.one(selector).MustEval(`(begins) => {
		const options = [...this.options].filter(o => o.value !== "");
		this.value = (options.find(o => o.text.startsWith(begins)) ?? options[0]).value;
		this.dispatchEvent(new Event("input", {bubbles: true}));
	}`, begins)
}

// part is the text of an element; "" where it is not there.
func (v *viewer) part(selector string) string {
	return v.MustEval(`(s) => document.querySelector(s)?.innerText ?? ""`, selector).Str()
}

func (v *viewer) has(selector string) bool {
	return v.MustEval(`(s) => document.querySelector(s) !== null`, selector).Bool()
}

// until waits for something.
func (v *viewer) until(what string, ok func() bool) {
	v.t.Helper()
	v.within(30*time.Second, what, ok)
}

// within waits for something for so long.
func (v *viewer) within(span time.Duration, what string, ok func() bool) {
	v.t.Helper()
	for deadline := time.Now().Add(span); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			v.t.Fatalf("not within %s: %s\n%.2000s", span, what, v.text())
		}
	}
}

// invite makes a user and returns their link.
func (h *house) invite(t *testing.T, name, role string, people bool) string {
	t.Helper()
	args := []string{"user", "create", name, "--role", role}
	if people {
		args = append(args, "--people")
	}
	link := strings.TrimSpace(h.wxcast(t, args...))
	return h.url + link[strings.Index(link, "/invitation/"):]
}

// openWith is open with more of the environment.
func openWith(t *testing.T, env []string) *house {
	t.Helper()
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	return open(t)
}
