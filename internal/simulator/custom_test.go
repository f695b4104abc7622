package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

const customAPI = "/cgi-bin/message/custom/send"

// card sends a card to the i-th follower; change is "old => new" in the body.
func (a *account) card(i int, media, change string) string {
	a.t.Helper()
	body := fmt.Sprintf(`{"touser":%q,"msgtype":"miniprogrampage","miniprogrampage":{"title":"a","appid":%q,"pagepath":"pages/a?x=1","thumb_media_id":%q}}`,
		a.users[i], a.sim.MiniAppID, media)
	old, replacement, _ := strings.Cut(change, " => ")
	return code(post(a.t, a.url(customAPI), strings.Replace(body, old, replacement, 1)))
}

func (a *account) text(i int, content string) string {
	a.t.Helper()
	return code(post(a.t, a.url(customAPI), fmt.Sprintf(`{"touser":%q,"msgtype":"text","text":{"content":%q}}`,
		a.users[i], content)))
}

// texts sends so many, and says what came of them.
func (a *account) texts(i, n int) string {
	a.t.Helper()
	var seen []string
	for range n {
		seen = append(seen, a.text(i, "x"))
	}
	return strings.Join(seen, " ")
}

func TestCustomerServiceFacts(t *testing.T) {
	who := func(a *account) string { return fmt.Sprint(a.users[0]) }
	say := func(a *account) { a.sim.Say(who(a), "在吗") }
	for _, fact := range []struct {
		name  string
		knobs simulator.Knobs
		do    func(a *account) string
		want  string
	}{
		// Windows
		{"nobody wrote", simulator.Knobs{}, func(a *account) string { return a.text(0, "x") }, "45015"},
		{"a message opens five", simulator.Knobs{}, func(a *account) string {
			say(a)
			return a.texts(0, 6)
		}, "ok ok ok ok ok 45047"},
		{"for 48 hours", simulator.Knobs{}, func(a *account) string {
			say(a)
			a.sim.MoveClock(48*time.Hour - time.Minute)
			soon := a.text(0, "x")
			a.sim.MoveClock(2 * time.Minute)
			return soon + " " + a.text(0, "x")
		}, "ok 45015"},
		{"another begins anew", simulator.Knobs{}, func(a *account) string {
			say(a)
			a.texts(0, 5)
			say(a)
			return a.texts(0, 6)
		}, "ok ok ok ok ok 45047"},
		{"or, by a knob, only prolongs", simulator.Knobs{KeepWindowCount: true}, func(a *account) string {
			say(a)
			a.texts(0, 4)
			a.sim.MoveClock(47 * time.Hour)
			say(a)
			a.sim.MoveClock(2 * time.Hour)
			seen := a.texts(0, 2)
			a.sim.MoveClock(48 * time.Hour)
			say(a)
			return seen + " " + a.text(0, "x")
		}, "ok 45047 ok"},
		{"a tap, a scan and a follow open three", simulator.Knobs{}, func(a *account) string {
			a.sim.Tap(who(a), "K")
			seen := a.texts(0, 4)
			a.sim.Scan(fmt.Sprint(a.users[1]), "S")
			seen += " " + a.texts(1, 4)
			third := fmt.Sprint(a.users[2])
			a.sim.Leave(third)
			a.sim.Return(third)
			return seen + " " + a.texts(2, 4)
		}, "ok ok ok 45047 ok ok ok 45047 ok ok ok 45047"},
		{"for a minute", simulator.Knobs{}, func(a *account) string {
			a.sim.Tap(who(a), "K")
			a.sim.MoveClock(61 * time.Second)
			return a.text(0, "x")
		}, "45015"},
		{"two windows are as many as the larger", simulator.Knobs{}, func(a *account) string {
			say(a)
			a.sim.Tap(who(a), "K")
			return a.texts(0, 6)
		}, "ok ok ok ok ok 45047"},
		{"a tap after the five opens three more", simulator.Knobs{}, func(a *account) string {
			say(a)
			a.texts(0, 5)
			a.sim.Tap(who(a), "K")
			return a.texts(0, 4)
		}, "ok ok ok 45047"},
		{"counts are knobs", simulator.Knobs{MessageWindowCount: 1, TapWindowCount: 2}, func(a *account) string {
			say(a)
			seen := a.texts(0, 2)
			a.sim.Tap(who(a), "K")
			return seen + " " + a.texts(0, 3)
		}, "ok 45047 ok ok 45047"},
		{"and so are lengths", simulator.Knobs{MessageWindow: simulator.Duration(time.Hour)}, func(a *account) string {
			say(a)
			a.sim.MoveClock(61 * time.Minute)
			return a.text(0, "x")
		}, "45015"},
		{"what happens in the mini program opens none", simulator.Knobs{}, func(a *account) string {
			a.sim.GivePermits(a.minis[0].OpenID, a.sim.TemplateID, 1)
			return a.text(0, "x")
		}, "45015"},
		{"a window of who left is closed", simulator.Knobs{}, func(a *account) string {
			say(a)
			a.sim.Leave(who(a))
			left := a.text(0, "x")
			a.sim.Return(who(a))
			a.sim.MoveClock(2 * time.Minute)
			return left + " " + a.text(0, "x") + fmt.Sprint(" ", a.sim.Say("nobody", "x"))
		}, "43004 45015 false"},
		{"a refused message uses up none", simulator.Knobs{MessageWindowCount: 1}, func(a *account) string {
			say(a)
			return a.text(0, "") + " " + a.text(0, "x")
		}, "44004 ok"},

		// Content
		{"an openid of nobody", simulator.Knobs{}, func(a *account) string {
			return code(post(a.t, a.url(customAPI), `{"touser":"nobody","msgtype":"text","text":{"content":"x"}}`))
		}, "40003"},
		{"another msgtype", simulator.Knobs{}, func(a *account) string {
			return code(post(a.t, a.url(customAPI), fmt.Sprintf(`{"touser":%q,"msgtype":"sms"}`, a.users[0])))
		}, "40008"},
		{"the mini program's token", simulator.Knobs{},
			func(a *account) string { return code(post(a.t, a.miniURL(customAPI), "{}")) }, "40001"},
		{"no JSON", simulator.Knobs{},
			func(a *account) string { return code(post(a.t, a.url(customAPI), "a=b")) }, "47001"},
		{"a link into a foreign mini program", simulator.Knobs{}, func(a *account) string {
			say(a)
			return a.text(0, `<a href="https://x" data-miniprogram-appid='wxother' data-miniprogram-path="p">x</a>`)
		}, "45086"},
		{"a link into the linked one, and a plain one", simulator.Knobs{}, func(a *account) string {
			say(a)
			return a.text(0, fmt.Sprintf(`<a href="https://y">y</a> <a data-miniprogram-appid=%q href="z">x</a>`,
				a.sim.MiniAppID))
		}, "ok"},
		{"a good card", simulator.Knobs{}, func(a *account) string { say(a); return a.card(0, a.upload(), "") }, "ok"},
		{"an answer has no msgid", simulator.Knobs{}, func(a *account) string {
			say(a)
			return fmt.Sprint(post(a.t, a.url(customAPI),
				fmt.Sprintf(`{"touser":%q,"msgtype":"text","text":{"content":"x"}}`, a.users[0])))
		}, "map[errcode:0 errmsg:ok]"},
		{"a card of a foreign mini program", simulator.Knobs{}, func(a *account) string {
			return a.card(0, a.upload(), a.sim.MiniAppID+" => wxother")
		}, "40013"},
		{"a card's page that is not released", simulator.Knobs{ReleasedPages: []string{"pages/b"}},
			func(a *account) string { return a.card(0, a.upload(), "") }, "40165"},
		{"a card without a title", simulator.Knobs{},
			func(a *account) string { return a.card(0, a.upload(), `"title":"a" => "title":""`) }, "47003"},
		{"a card's picture lives three days", simulator.Knobs{}, func(a *account) string {
			media := a.upload()
			a.sim.MoveClock(72*time.Hour - time.Minute)
			say(a)
			soon := a.card(0, media, "")
			a.sim.MoveClock(2 * time.Minute)
			return soon + " " + a.card(0, media, "") + " " + a.card(0, "x", "")
		}, "ok 40007 40007"},
		{"-1 on a good card, not sent", simulator.Knobs{BusyCard: 1}, func(a *account) string {
			say(a)
			return words(a.card(0, a.upload(), ""), a.sim.State().Messages)
		}, "-1 0"},
		{"or sent", simulator.Knobs{BusyCard: 1, BusyCardSent: true, MessageWindowCount: 1}, func(a *account) string {
			say(a)
			return words(a.card(0, a.upload(), ""), a.sim.State().Messages, a.text(0, "x"))
		}, "-1 1 45047"},
		{"its own quota", simulator.Knobs{DailyLimits: map[string]int64{customAPI: 1}}, func(a *account) string {
			say(a)
			return a.texts(0, 2) + " " + code(a.send(0, ""))
		}, "ok 45009 ok"},
		{"half a million a day", simulator.Knobs{}, func(a *account) string {
			return fmt.Sprint(post(a.t, a.url("/cgi-bin/openapi/quota/get"),
				fmt.Sprintf(`{"cgi_path":%q}`, customAPI))["quota"].(map[string]any)["daily_limit"])
		}, "500000"},
	} {
		t.Run(fact.name, func(t *testing.T) {
			a := newAccountWith(t, fact.knobs)
			if got := fact.do(a); got != fact.want {
				t.Errorf("got %s, want %s", got, fact.want)
			}
		})
	}
}

// A lost answer has its effect here, too.
func TestACardWhoseAnswerIsLost(t *testing.T) {
	a := newAccountWith(t, simulator.Knobs{})
	a.sim.Say(fmt.Sprint(a.users[0]), "在吗")
	a.sim.SetKnobs(func(k *simulator.Knobs) { k.BadGateway, k.FaultsOnly = 1, []string{customAPI} })
	url := a.url(customAPI)
	body := fmt.Sprintf(`{"touser":%q,"msgtype":"text","text":{"content":"x"}}`, a.users[0])
	if status := statusOf(t, url, body); status != 502 || a.sim.State().Messages != 0 {
		t.Errorf("status %d, %d messages", status, a.sim.State().Messages)
	}
	a.sim.SetKnobs(func(k *simulator.Knobs) { k.BadGateway, k.DropAfter = 0, 1 })
	if status := statusOf(t, url, body); status != 0 || a.sim.State().Messages != 1 {
		t.Errorf("status %d, %d messages", status, a.sim.State().Messages)
	}
}
