package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

const (
	subscribeAPI = "/cgi-bin/message/subscribe/send"
	noticeAPI    = "/cgi-bin/message/subscribe/bizsend"
)

// subscribe sends a subscribe message to the i-th mini user; changes are "old => new" in the body.
func (a *account) subscribe(i int, changes ...string) map[string]any {
	a.t.Helper()
	body := fmt.Sprintf(`{"touser":%q,"template_id":%q,"page":"pages/a?x=1","miniprogram_state":"formal","lang":"zh_CN","data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`,
		a.minis[i].OpenID, a.sim.TemplateID)
	for _, change := range changes {
		old, replacement, _ := strings.Cut(change, " => ")
		body = strings.Replace(body, old, replacement, 1)
	}
	return post(a.t, a.miniURL(subscribeAPI), body)
}

// notice sends the official account's notice to the i-th follower.
func (a *account) notice(i int, change string) map[string]any {
	a.t.Helper()
	body := fmt.Sprintf(`{"touser":%q,"template_id":%q,"page":"https://h5.example","miniprogram":{"appid":%q,"pagepath":"pages/a"},"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`,
		a.users[i], a.sim.TemplateID, a.sim.MiniAppID)
	old, replacement, _ := strings.Cut(change, " => ")
	return post(a.t, a.url(noticeAPI), strings.Replace(body, old, replacement, 1))
}

func TestSubscribeFacts(t *testing.T) {
	order := func(a *account, amount, state string) string {
		return code(a.subscribe(0, fmt.Sprintf(`%s => %s`, a.sim.TemplateID, simulator.EnumTemplateID),
			fmt.Sprintf(`"time2":{"value":"10:00"} => "amount2":{"value":%q},"enum3":{"value":%q}`, amount, state)))
	}
	for _, fact := range []struct {
		name  string
		knobs simulator.Knobs
		do    func(a *account) string
		want  string
	}{
		{"a one-time permit is used up", simulator.Knobs{},
			func(a *account) string { return code(a.subscribe(0)) + " " + code(a.subscribe(0)) }, "ok 43101"},
		{"a message that is refused uses up none", simulator.Knobs{}, func(a *account) string {
			return code(a.subscribe(0, `"10:00" => ""`)) + " " + code(a.subscribe(0, "pages => /pages")) + " " +
				code(a.subscribe(0))
		}, "47003 41030 ok"},
		{"a long-term permit is not", simulator.Knobs{}, func(a *account) string {
			a.sim.GivePermits(a.minis[0].OpenID, simulator.LongTermTemplateID, 1)
			send := func() string { return code(a.subscribe(0, a.sim.TemplateID+" => "+simulator.LongTermTemplateID)) }
			seen := send() + " " + send()
			a.sim.RefusePermits(a.minis[0].OpenID, simulator.LongTermTemplateID)
			return seen + " " + send()
		}, "ok ok 43101"},
		{"a permit of the mini program is none of the account's", simulator.Knobs{},
			func(a *account) string { return code(a.notice(0, "")) + " " + code(a.subscribe(0)) }, "43101 ok"},
		{"data as a text", simulator.Knobs{}, func(a *account) string {
			return code(a.subscribe(0, `{"thing1":{"value":"a"},"time2":{"value":"10:00"}} => "{\"thing1\":{}}"`))
		}, "43101"},
		{"data as a list", simulator.Knobs{}, func(a *account) string {
			return code(a.subscribe(0, `{"thing1":{"value":"a"},"time2":{"value":"10:00"}} => []`))
		}, "47003"},
		{"no data", simulator.Knobs{}, func(a *account) string {
			return code(a.subscribe(0, `,"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}} => `))
		}, "47003"},
		{"an unknown miniprogram_state", simulator.Knobs{},
			func(a *account) string { return code(a.subscribe(0, "formal => release")) }, "47003"},
		{"an unknown lang", simulator.Knobs{},
			func(a *account) string { return code(a.subscribe(0, "zh_CN => zh")) }, "47003"},
		{"neither", simulator.Knobs{}, func(a *account) string {
			return code(a.subscribe(0, `"miniprogram_state":"formal","lang":"zh_CN", => `))
		}, "ok"},
		{"an openid of the official account", simulator.Knobs{}, func(a *account) string {
			return code(a.subscribe(0, fmt.Sprintf("%s => %v", a.minis[0].OpenID, a.users[0])))
		}, "40003"},
		{"an enum's values are those listed", simulator.Knobs{}, func(a *account) string {
			a.sim.GivePermits(a.minis[0].OpenID, simulator.EnumTemplateID, 9)
			return order(a, "28元", "已发货") + " " + order(a, "28元", "已签收")
		}, "ok 47003"},
		{"an amount of 11 digits", simulator.Knobs{}, func(a *account) string {
			a.sim.GivePermits(a.minis[0].OpenID, simulator.EnumTemplateID, 9)
			return order(a, "1234567890元", "待付款") + " " + order(a, "12345678901元", "待付款")
		}, "ok 47003"},
		{"a template of the other app", simulator.Knobs{}, func(a *account) string {
			a.sim.GivePermits(fmt.Sprint(a.users[0]), a.sim.TemplateID, 1)
			return code(a.notice(0, a.sim.TemplateID+" => "+simulator.LongTermTemplateID)) + " " + code(a.notice(0, ""))
		}, "40037 ok"},
		{"the official account's token", simulator.Knobs{},
			func(a *account) string { return code(post(a.t, a.url(subscribeAPI), "{}")) }, "40001"},
		{"a notice by the mini program's token", simulator.Knobs{},
			func(a *account) string { return code(post(a.t, a.miniURL(noticeAPI), "{}")) }, "45103"},
		{"a storm of refusals leaves the permits", simulator.Knobs{RefusePermits: 1}, func(a *account) string {
			storm := code(a.subscribe(0))
			a.sim.SetKnobs(func(k *simulator.Knobs) { k.RefusePermits = 0 })
			return storm + " " + code(a.subscribe(0))
		}, "43101 ok"},
		{"the day's quota is the mini program's", simulator.Knobs{DailyLimits: map[string]int64{subscribeAPI: 1}},
			func(a *account) string {
				asked := func(url string) map[string]any {
					return post(a.t, url, fmt.Sprintf(`{"cgi_path":%q}`, subscribeAPI))
				}
				seen := code(a.subscribe(0)) + " " + code(a.subscribe(1))
				return words(seen, asked(a.miniURL("/cgi-bin/openapi/quota/get"))["quota"].(map[string]any)["used"],
					code(asked(a.url("/cgi-bin/openapi/quota/get"))))
			}, "ok 45009 1 76022"},
		{"and cleared by itself", simulator.Knobs{DailyLimits: map[string]int64{subscribeAPI: 1}},
			func(a *account) string {
				cleared := func(url, appid string) string {
					post(a.t, url, fmt.Sprintf(`{"appid":%q}`, appid))
					return code(a.subscribe(1))
				}
				a.subscribe(0)
				return cleared(a.url("/cgi-bin/clear_quota"), a.sim.AppID) + " " +
					cleared(a.miniURL("/cgi-bin/clear_quota"), a.sim.MiniAppID)
			}, "45009 ok"},
		{"ten million a day", simulator.Knobs{}, func(a *account) string {
			return fmt.Sprint(post(a.t, a.miniURL("/cgi-bin/openapi/quota/get"),
				fmt.Sprintf(`{"cgi_path":%q}`, subscribeAPI))["quota"].(map[string]any)["daily_limit"])
		}, "10000000"},
		{"each app has its own templates", simulator.Knobs{}, func(a *account) string {
			titles := func(url string) (out []string) {
				for _, one := range get(a.t, url)["data"].([]any) {
					out = append(out, words(one.(map[string]any)["type"], one.(map[string]any)["keywordEnumValueList"]))
				}
				return out
			}
			return words(titles(a.miniURL("/wxaapi/newtmpl/gettemplate")), titles(a.url("/wxaapi/newtmpl/gettemplate")))
		}, "[2 <nil> 2 [map[enumValueList:[待付款 已发货] keywordCode:enum3.DATA]] 3 <nil>] [2 <nil> 2 <nil>]"},
		{"an API refused by a knob", simulator.Knobs{RefuseAPI: map[string]int{subscribeAPI: 45168}},
			func(a *account) string { return code(a.subscribe(0)) + " " + code(a.send(0, "")) }, "45168 ok"},
		{"above a rate", simulator.Knobs{MaxRate: 1}, func(a *account) string {
			seen := ""
			for i := range 5 {
				seen += code(a.subscribe(i))
			}
			return fmt.Sprint(strings.Contains(seen, "45011"))
		}, "true"},
	} {
		t.Run(fact.name, func(t *testing.T) {
			a := newAccountWith(t, fact.knobs)
			for i := range 5 {
				a.sim.GivePermits(a.minis[i].OpenID, a.sim.TemplateID, 1)
			}
			if got := fact.do(a); got != fact.want {
				t.Errorf("got %s, want %s", got, fact.want)
			}
		})
	}
}

// Who is a follower and was never in the mini program has no openid there, until they come.
func TestWhoWasNeverInTheMiniProgram(t *testing.T) {
	a := newAccount(t, simulator.Options{Followers: 400, Seed: 5})
	known := map[string]bool{}
	for _, u := range a.minis {
		known[u.UnionID] = true
	}
	var stranger string
	for i := range a.users {
		if _, unionid := a.sim.FollowerIDs(i); !known[unionid] {
			stranger = a.sim.MiniOpenIDOf(i)
			break
		}
	}
	before := a.permit(subscribeAPI, stranger)
	if _, ok := a.sim.NewLoginCode(stranger); !ok {
		t.Fatal("nobody")
	}
	if after := a.permit(subscribeAPI, stranger); before != "40003" || after != "43101" {
		t.Errorf("%s before they came, %s after", before, after)
	}
}

// While a message to a person is under way another to them is refused, one to others is not, and
// the end of the first is the end of it.
func TestOneCallAtATimeForEachPerson(t *testing.T) {
	a := newAccountWith(t, simulator.Knobs{})
	for i := range 2 {
		a.sim.GivePermits(a.minis[i].OpenID, a.sim.TemplateID, 9)
	}
	url := a.miniURL(subscribeAPI)
	send := func(i int) string {
		resp, err := http.Post(url, "application/json", strings.NewReader(
			fmt.Sprintf(`{"touser":%q,"template_id":%q,"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`,
				a.minis[i].OpenID, a.sim.TemplateID)))
		if err != nil {
			return "lost"
		}
		return code(read(t)(resp, nil))
	}
	together := func(people ...int) string {
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]int{}
		for _, i := range people {
			wg.Go(func() {
				got := send(i)
				mu.Lock()
				defer mu.Unlock()
				seen[got]++
			})
		}
		wg.Wait()
		return fmt.Sprint(seen)
	}
	a.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency = simulator.Duration(300 * time.Millisecond) })
	if got := together(0, 0, 1); got != "map[43108:1 ok:2]" {
		t.Errorf("with a latency: %s", got)
	}
	if got := a.sim.MessagesOf(a.minis[0].OpenID)["subscribe"]; got != 1 {
		t.Errorf("%d messages", got)
	}
	// A lost answer has its effect, and leaves nobody blocked.
	a.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency, k.DropAfter, k.FaultsOnly = 0, 1, []string{subscribeAPI} })
	if got := send(0) + " " + send(0); got != "lost lost" {
		t.Errorf("dropped: %s", got)
	}
	a.sim.SetKnobs(func(k *simulator.Knobs) { k.DropAfter = 0 })
	if got := send(0); got != "ok" || a.sim.MessagesOf(a.minis[0].OpenID)["subscribe"] != 4 {
		t.Errorf("then %s, %v", got, a.sim.MessagesOf(a.minis[0].OpenID))
	}
}

func TestSentEvents(t *testing.T) {
	for name, test := range map[string]struct {
		knobs simulator.Knobs
		want  string
	}{
		"delivered":     {simulator.Knobs{}, "0 success"},
		"not delivered": {simulator.Knobs{SentFailed: 1}, "43101 failed"},
		"untold":        {simulator.Knobs{NoSentEvents: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan string, 9)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var e struct {
					Event string
					List  struct{ ErrorCode, ErrorStatus, SubscribeStatusString string }
				}
				_ = json.NewDecoder(r.Body).Decode(&e)
				if e.Event == "subscribe_msg_sent_event" {
					told <- e.List.ErrorCode + " " + e.List.SubscribeStatusString + e.List.ErrorStatus
				}
			}))
			defer server.Close()
			a := newAccountWith(t, test.knobs)
			a.sim.SetKnobs(func(k *simulator.Knobs) {
				k.CallbackURL, k.CallbackFormat, k.ReceiptFirst = server.URL, "json", true
			})
			a.sim.GivePermits(a.minis[0].OpenID, a.sim.TemplateID, 1)
			if got := code(a.subscribe(0)); got != "ok" {
				t.Fatal(got)
			}
			got := ""
			wait := 5 * time.Second
			if test.want == "" {
				wait = 100 * time.Millisecond
			}
			select {
			case got = <-told:
			case <-time.After(wait):
			}
			if got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}
