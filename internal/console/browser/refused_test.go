package browser

import "testing"

// A form that was refused stands open where it was, with what was wrong beside it and all that was
// written and ticked.
func TestWhatWasRefusedIsOpenAgain(t *testing.T) {
	h := open(t)
	v := h.visit(t, chromium(t), "en", 1440)
	v.join(h.invite(t, "han", "admin", false), "a long way to the sea", false)
	v.to("/accounts/default/keys")
	v.one("button[data-opens=make]").MustClick()
	v.fill("#name", "two words")
	v.one("#make [value=read]").MustClick()
	v.expect("status of 422")
	v.press("#make button.first")
	v.one("dialog[open] .say.bad")
	v.shoot("refused")
	if got := v.one("#name").MustProperty("value").Str(); got != "two words" {
		t.Errorf("the name is %q, want it as it was written", got)
	}
	if !v.one("#make [value=read]").MustProperty("checked").Bool() {
		t.Error("the scope is not ticked any more")
	}
	v.accessible()
	v.fill("#name", "orders")
	v.press("#make button.first")
	v.says("orders")
}
