package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

// account is a simulator with tokens at hand, for raw calls.
type account struct {
	t     *testing.T
	sim   *simulator.Server
	base  string
	users []any // the first page of openids
	minis []simulator.MiniUser
}

func newAccount(t *testing.T, o simulator.Options) *account {
	t.Helper()
	sim, base := start(t, o)
	a := &account{t: t, sim: sim, base: base}
	if data, ok := get(t, a.url("/cgi-bin/user/get"))["data"].(map[string]any); ok {
		a.users = data["openid"].([]any)
	}
	for u := range sim.MiniUsers() {
		a.minis = append(a.minis, u)
	}
	return a
}

// url is a path with the official account's token, miniURL with the mini program's.
func (a *account) url(path string) string {
	return a.withToken(path, a.sim.AppID, a.sim.Secret)
}

func (a *account) miniURL(path string) string {
	return a.withToken(path, a.sim.MiniAppID, a.sim.MiniSecret)
}

func (a *account) withToken(path, appid, secret string) string {
	a.t.Helper()
	reply := post(a.t, a.base+"/cgi-bin/stable_token",
		fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, appid, secret))
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return fmt.Sprintf("%s%s%saccess_token=%s", a.base, path, separator, reply["access_token"])
}

// send sends the template message to the i-th follower; change is "old => new" in the body.
func (a *account) send(i int, change string) map[string]any {
	a.t.Helper()
	body := fmt.Sprintf(`{"touser":%q,"template_id":%q,"client_msg_id":"ID","miniprogram":{"appid":%q,"pagepath":"pages/a?x=1"},"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`,
		a.users[i], a.sim.TemplateID, a.sim.MiniAppID)
	old, replacement, _ := strings.Cut(change, " => ")
	return post(a.t, a.url("/cgi-bin/message/template/send"), strings.Replace(body, old, replacement, 1))
}

func (a *account) login(code string) map[string]any {
	return get(a.t, fmt.Sprintf("%s/sns/jscode2session?appid=%s&secret=%s&js_code=%s&grant_type=authorization_code",
		a.base, a.sim.MiniAppID, a.sim.MiniSecret, code))
}

func (a *account) permit(path, openid string) string {
	url := a.miniURL(path)
	if strings.HasSuffix(path, "bizsend") {
		url = a.url(path)
	}
	return code(post(a.t, url,
		fmt.Sprintf(`{"touser":%q,"template_id":%q,"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`, openid,
			a.sim.TemplateID)))
}

func (a *account) quotaUsed(path string) string {
	return fmt.Sprint(post(a.t, a.url("/cgi-bin/openapi/quota/get"),
		fmt.Sprintf(`{"cgi_path":%q}`, path))["quota"].(map[string]any)["used"])
}

// code is a reply's errcode; "ok" for one without, or with 0.
func code(reply map[string]any) string {
	if c, has := reply["errcode"]; has && fmt.Sprint(c) != "0" {
		return fmt.Sprint(c)
	}
	return "ok"
}

// words puts values side by side.
func words(values ...any) string { return strings.TrimSpace(fmt.Sprintln(values...)) }

var everyone = simulator.Shares{WithUnionID: 1, MiniUser: 1}

// The fact sheet as a table: each row makes a world, does something, and says what
// WeChat answers.
func TestFacts(t *testing.T) {
	for _, fact := range []struct {
		name  string
		knobs simulator.Knobs
		do    func(a *account) string
		want  string
	}{
		// Tokens
		{"a plain token replaces the one before, which overlaps", simulator.Knobs{}, func(a *account) string {
			fetch := func() any {
				return get(a.t, fmt.Sprintf("%s/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s", a.base,
					a.sim.AppID, a.sim.Secret))["access_token"]
			}
			first, second := fetch(), fetch()
			call := func(tok any) string {
				return code(get(a.t, fmt.Sprintf("%s/cgi-bin/user/get?access_token=%s", a.base, tok)))
			}
			before := call(first)
			a.sim.MoveClock(301 * time.Second)
			return before + " " + call(first) + " " + call(second)
		}, "ok 42001 ok"},
		{"the two kinds of token do not touch each other", simulator.Knobs{}, func(a *account) string {
			url := a.url("/cgi-bin/user/get")
			get(a.t, fmt.Sprintf("%s/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s", a.base,
				a.sim.AppID, a.sim.Secret))
			return code(get(a.t, url))
		}, "ok"},
		{"a mini program's token is no official account's", simulator.Knobs{},
			func(a *account) string { return code(get(a.t, a.miniURL("/cgi-bin/user/get"))) }, "40001"},
		{"stable_token by GET", simulator.Knobs{},
			func(a *account) string { return code(get(a.t, a.base+"/cgi-bin/stable_token")) }, "43002"},
		{"an IP off the whitelist", simulator.Knobs{IPWhitelist: []string{"192.0.2.1"}}, func(a *account) string {
			r := post(a.t, a.base+"/cgi-bin/stable_token",
				fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, a.sim.AppID, a.sim.Secret))
			return code(r) + " " + strings.Join(strings.Fields(fmt.Sprint(r["errmsg"]))[:3], " ")
		}, "40164 invalid ip 127.0.0.1"},
		{"an IP that left the whitelist", simulator.Knobs{}, func(a *account) string {
			list := a.url("/cgi-bin/user/get") // with a good token
			a.sim.SetKnobs(func(k *simulator.Knobs) { k.IPWhitelist = []string{"192.0.2.0/24"} })
			off := code(get(a.t, list))
			a.sim.SetKnobs(func(k *simulator.Knobs) { k.IPWhitelist = []string{"192.0.2.1", "127.0.0.0/8"} })
			return off + " " + code(get(a.t, list))
		}, "40164 ok"},
		{"a wrong grant_type", simulator.Knobs{},
			func(a *account) string { return code(post(a.t, a.base+"/cgi-bin/stable_token", `{"grant_type":"x"}`)) },
			"40002"},
		{"no appid", simulator.Knobs{}, func(a *account) string {
			return code(post(a.t, a.base+"/cgi-bin/stable_token", `{"grant_type":"client_credential"}`))
		}, "41002"},

		// Followers
		{"the last page names its last openid", simulator.Knobs{}, func(a *account) string {
			return fmt.Sprint(get(a.t, a.url("/cgi-bin/user/get"))["next_openid"] == a.users[len(a.users)-1])
		}, "true"},
		{"or, by a knob, nobody", simulator.Knobs{EmptyLastCursor: true}, func(a *account) string {
			return fmt.Sprintf("%q", get(a.t, a.url("/cgi-bin/user/get"))["next_openid"])
		}, `""`},
		{"a cursor that has unfollowed", simulator.Knobs{}, func(a *account) string {
			a.sim.RemoveFollowers(1)
			return code(get(a.t, a.url(fmt.Sprintf("/cgi-bin/user/get?next_openid=%v", a.users[0]))))
		}, "ok"},
		{"is by a knob refused", simulator.Knobs{RefuseGoneCursor: true}, func(a *account) string {
			a.sim.RemoveFollowers(1)
			return code(get(a.t, a.url(fmt.Sprintf("/cgi-bin/user/get?next_openid=%v", a.users[0]))))
		}, "40003"},
		{"who left comes with subscribe 0 and no unionid", simulator.Knobs{}, func(a *account) string {
			a.sim.RemoveFollowers(1)
			u := post(a.t, a.url("/cgi-bin/user/info/batchget"),
				fmt.Sprintf(`{"user_list":[{"openid":%q}]}`, a.users[0]))["user_info_list"].([]any)[0].(map[string]any)
			return fmt.Sprint(u["subscribe"], " ", u["unionid"], " ", len(u))
		}, "0 <nil> 2"},
		{"an openid of nobody in a batch", simulator.Knobs{}, func(a *account) string {
			return code(post(a.t, a.url("/cgi-bin/user/info/batchget"), `{"user_list":[{"openid":"nobody"}]}`))
		}, "40003"},
		{"shifts by a knob the unionids behind it", simulator.Knobs{ShiftUnionIDs: true}, func(a *account) string {
			one := func(i int) any {
				return get(a.t, a.url(fmt.Sprintf("/cgi-bin/user/info?openid=%v", a.users[i])))["unionid"]
			}
			list := post(a.t, a.url("/cgi-bin/user/info/batchget"),
				fmt.Sprintf(`{"user_list":[{"openid":%q},{"openid":"nobody"},{"openid":%q}]}`, a.users[0],
					a.users[1]))["user_info_list"].([]any)
			of := func(i int) any { return list[i].(map[string]any)["unionid"] }
			return fmt.Sprint(of(0) == one(0), of(2) == one(1), of(2) == one(0))
		}, "true false true"},
		{"a batch costs one call", simulator.Knobs{}, func(a *account) string {
			post(a.t, a.url("/cgi-bin/user/info/batchget"),
				fmt.Sprintf(`{"user_list":[{"openid":%q},{"openid":%q}]}`, a.users[0], a.users[1]))
			return a.quotaUsed("/cgi-bin/user/info/batchget")
		}, "1"},
		{"or, by a knob, one for each openid", simulator.Knobs{BatchCost: "openid"}, func(a *account) string {
			post(a.t, a.url("/cgi-bin/user/info/batchget"),
				fmt.Sprintf(`{"user_list":[{"openid":%q},{"openid":%q}]}`, a.users[0], a.users[1]))
			return a.quotaUsed("/cgi-bin/user/info/batchget")
		}, "2"},
		{"tags are listed with their counts", simulator.Knobs{}, func(a *account) string {
			tags := get(a.t, a.url("/cgi-bin/tags/get"))["tags"].([]any)
			n := post(a.t, a.url("/cgi-bin/user/tag/get"), `{"tagid":101}`)["count"]
			return fmt.Sprint(len(tags), tags[1].(map[string]any)["count"] == n)
		}, "3 true"},

		// Template messages
		{"a repeat of a client_msg_id", simulator.Knobs{}, func(a *account) string {
			first, again := a.send(0, ""), a.send(0, "")
			return words(code(again), first["msgid"] == again["msgid"], a.sim.State().Messages,
				a.quotaUsed("/cgi-bin/message/template/send"))
		}, "ok true 1 2"},
		{"is by a knob a duplicate", simulator.Knobs{RepeatAnswer: "40241"},
			func(a *account) string { a.send(0, ""); return code(a.send(0, "")) }, "40241"},
		{"or has another msgid", simulator.Knobs{RepeatAnswer: "new"}, func(a *account) string {
			first, again := a.send(0, ""), a.send(0, "")
			return words(code(again), first["msgid"] == again["msgid"], a.sim.State().Messages)
		}, "ok false 1"},
		{"and may cost nothing", simulator.Knobs{RefusedAreFree: true}, func(a *account) string {
			a.send(0, "")
			a.send(0, "")
			a.send(1, "pages => /pages")
			return a.quotaUsed("/cgi-bin/message/template/send")
		}, "1"},
		{"the same text with another id within a minute", simulator.Knobs{}, func(a *account) string {
			a.send(0, "")
			soon := code(a.send(0, `"ID" => "ID2"`))
			a.sim.MoveClock(61 * time.Second)
			return soon + " " + code(a.send(0, `"ID" => "ID3"`))
		}, "40241 ok"},
		{"a client_msg_id of 65 characters", simulator.Knobs{},
			func(a *account) string { return code(a.send(0, `"ID" => "`+strings.Repeat("x", 65)+`"`)) }, "47003"},
		{"a third message to one person, where two are allowed", simulator.Knobs{PersonLimit: 2, DuplicateFilter: -1},
			func(a *account) string {
				return code(a.send(0, `"ID" => "1"`)) + code(a.send(0, `"ID" => "2"`)) + code(a.send(0, `"ID" => "3"`))
			}, "okok43117"},
		{"an empty miniprogram", simulator.Knobs{}, func(a *account) string {
			return code(a.send(0, fmt.Sprintf(`{"appid":%q,"pagepath":"pages/a?x=1"} => {"appid":"","pagepath":""}`,
				a.sim.MiniAppID)))
		}, "ok"},
		{"is by a knob refused", simulator.Knobs{StrictMiniProgram: true}, func(a *account) string {
			return code(a.send(0, fmt.Sprintf(`{"appid":%q,"pagepath":"pages/a?x=1"} => {"appid":"","pagepath":""}`,
				a.sim.MiniAppID)))
		}, "40013"},
		{"a page that is not released", simulator.Knobs{ReleasedPages: []string{"pages/b"}},
			func(a *account) string { return code(a.send(0, "")) }, "40165"},
		{"a page that is", simulator.Knobs{ReleasedPages: []string{"pages/a"}},
			func(a *account) string { return code(a.send(0, "")) }, "ok"},
		{"a message held for review has no msgid", simulator.Knobs{Held: 1, ReceiptDelay: 1}, func(a *account) string {
			r := a.send(0, "")
			return words(code(r), r["msgid"])
		}, "40252 <nil>"},
		{"45009 with quota left", simulator.Knobs{Early45009: 1},
			func(a *account) string { return code(a.send(0, "")) + " " + code(a.send(1, "")) }, "ok 45009"},
		{"above a rate", simulator.Knobs{MaxRate: 1, MaxRateCode: -1}, func(a *account) string {
			seen := ""
			for i := range 5 {
				seen += code(a.send(i, ""))
			}
			return fmt.Sprint(strings.Contains(seen, "-1"))
		}, "true"},

		// The mini program
		{"a login code works once", simulator.Knobs{}, func(a *account) string {
			c, _ := a.sim.NewLoginCode(a.minis[3].OpenID)
			first := a.login(c)
			return fmt.Sprint(first["openid"] == a.minis[3].OpenID, first["unionid"] == a.minis[3].UnionID,
				first["session_key"] != nil, " ", code(a.login(c)))
		}, "true true true 40163"},
		{"for five minutes", simulator.Knobs{}, func(a *account) string {
			c, _ := a.sim.NewLoginCode(a.minis[0].OpenID)
			a.sim.MoveClock(5*time.Minute + time.Second)
			r := a.login(c)
			return code(r) + fmt.Sprint(strings.Contains(fmt.Sprint(r["errmsg"]), "invalid code, rid: "))
		}, "40029true"},
		{"a login without a code", simulator.Knobs{}, func(a *account) string { return code(a.login("")) }, "41008"},
		{"a subscribe message without a permit", simulator.Knobs{},
			func(a *account) string { return a.permit("/cgi-bin/message/subscribe/send", a.minis[0].OpenID) }, "43101"},
		{"a permit is one message", simulator.Knobs{}, func(a *account) string {
			a.sim.GivePermits(a.minis[0].OpenID, a.sim.TemplateID, 1)
			return a.permit("/cgi-bin/message/subscribe/send",
				a.minis[0].OpenID) + " " + a.permit("/cgi-bin/message/subscribe/send", a.minis[0].OpenID)
		}, "ok 43101"},
		{"bizsend wants the follower's openid", simulator.Knobs{}, func(a *account) string {
			a.sim.GivePermits(fmt.Sprint(a.users[0]), a.sim.TemplateID, 1)
			return a.permit("/cgi-bin/message/subscribe/bizsend",
				a.minis[0].OpenID) + " " + a.permit("/cgi-bin/message/subscribe/bizsend", fmt.Sprint(a.users[0]))
		}, "40003 ok"},

		// Quota and requests
		{"a clear sets the counters to zero", simulator.Knobs{}, func(a *account) string {
			a.send(0, "")
			post(a.t, a.url("/cgi-bin/clear_quota"), fmt.Sprintf(`{"appid":%q}`, a.sim.AppID))
			return a.quotaUsed("/cgi-bin/message/template/send")
		}, "0"},
		{"ten times a month, by both ways together", simulator.Knobs{}, func(a *account) string {
			seen := map[string]int{}
			for i := range 11 {
				if i%2 == 0 {
					seen[code(post(a.t, a.url("/cgi-bin/clear_quota"), fmt.Sprintf(`{"appid":%q}`, a.sim.AppID)))]++
				} else {
					seen[code(post(a.t, fmt.Sprintf("%s/cgi-bin/clear_quota/v2?appid=%s&appsecret=%s", a.base,
						a.sim.AppID, a.sim.Secret), ""))]++
				}
			}
			return fmt.Sprint(seen)
		}, "map[48006:1 ok:10]"},
		{"a rid can be looked up", simulator.Knobs{}, func(a *account) string {
			msg := fmt.Sprint(a.send(0, "pages => /pages")["errmsg"])
			rid := msg[strings.Index(msg, "rid: ")+5:]
			look := func() map[string]any {
				return post(a.t, a.url("/cgi-bin/openapi/rid/get"), fmt.Sprintf(`{"rid":%q}`, rid))
			}
			found := look()["request"].(map[string]any)["request_url"]
			a.sim.MoveClock(7*24*time.Hour + time.Minute)
			return fmt.Sprint(found, " ", code(look()))
		}, "/cgi-bin/message/template/send 76004"},
		{"an unknown rid", simulator.Knobs{}, func(a *account) string {
			return code(post(a.t,
				a.url("/cgi-bin/openapi/rid/get"), `{"rid":"x"}`))
		}, "76001"},
		{"the day may begin at another hour", simulator.Knobs{ResetHour: 5,
			DailyLimits: map[string]int64{"/cgi-bin/user/info": 1}}, func(a *account) string {
			now := a.sim.State().Now.In(time.FixedZone("", 8*3600))
			a.sim.MoveClock(time.Date(now.Year(), now.Month(), now.Day()+1, 4, 0, 0, 0, now.Location()).Sub(now))
			call := func() string {
				return code(get(a.t,
					a.url(fmt.Sprintf("/cgi-bin/user/info?openid=%v", a.users[0]))))
			}
			seen := call() + " " + call()
			a.sim.MoveClock(65 * time.Minute)
			return seen + " " + call()
		}, "ok 45009 ok"},

		// Retired
		{"form_id messages", simulator.Knobs{}, func(a *account) string {
			return code(post(a.t,
				a.base+"/cgi-bin/message/wxopen/template/send", "{}"))
		}, "46101"},
		{"uniform messages", simulator.Knobs{}, func(a *account) string {
			return code(post(a.t, a.base+"/cgi-bin/message/wxopen/template/uniform_send", "{}"))
		}, "45109"},
	} {
		t.Run(fact.name, func(t *testing.T) {
			a := newAccountWith(t, fact.knobs)
			if got := fact.do(a); got != fact.want {
				t.Errorf("got %s, want %s", got, fact.want)
			}
		})
	}
}

// newAccountWith turns the knobs once the account is known: some refuse everything.
func newAccountWith(t *testing.T, knobs simulator.Knobs) *account {
	a := newAccount(t, simulator.Options{Followers: 30, Seed: 5, Shares: everyone})
	fresh := simulator.New(simulator.Options{Knobs: knobs})
	a.sim.SetKnobs(func(k *simulator.Knobs) { *k = fresh.Knobs() })
	return a
}

func TestAResetForgetsWhatHappened(t *testing.T) {
	a := newAccount(t, simulator.Options{Followers: 30, Shares: everyone})
	a.send(0, "")
	a.sim.RemoveFollowers(5)
	after := post(t, a.base+simulator.ControlPath+"reset?followers=40", "")
	if words(after["messages"], after["followers"], len(after["calls"].(map[string]any))) != "0 40 0" {
		t.Errorf("%v", after)
	}
}
