package serve_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	miniToken  = "mini-token"
	miniAESKey = "MINIabcdefghijklmnopqrstuvwxyz0123456789ABC"
)

// withMiniDoor starts the program again, with callbacks of the mini program.
func (b *bench) withMiniDoor(t *testing.T) (keys wechat.CallbackKeys) {
	t.Helper()
	cfg := *b.cfg
	cfg.Accounts = append([]config.Account(nil), b.cfg.Accounts...)
	cfg.Accounts[0].MiniPrograms = append([]config.MiniProgram(nil), cfg.Accounts[0].MiniPrograms...)
	mini := &cfg.Accounts[0].MiniPrograms[0]
	mini.Token, mini.EncodingAESKey = miniToken, miniAESKey
	b.start(t, &cfg, slog.New(slog.DiscardHandler))
	return wechat.CallbackKeys{AppID: wxcast.AppID(b.sim.MiniAppID), Token: config.Secret(miniToken),
		AESKeys: []interface{ Reveal() string }{config.Secret(miniAESKey)}}
}

// sessionOf logs a mini user in.
func (b *bench) sessionOf(t *testing.T, who string) string {
	t.Helper()
	code, ok := b.sim.NewLoginCode(who)
	if !ok {
		t.Fatal("no such person")
	}
	status, answer := b.login(t, "10.0.0.1", fmt.Sprintf(`{"code":%q}`, code))
	var got struct{ Session string }
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	return got.Session
}

// report tells what a person answered, and returns what is left to them.
func (b *bench) report(t *testing.T, session, body string) (status int, left map[string]int64, answer string) {
	t.Helper()
	var got struct{ Left map[string]int64 }
	status, answer = b.tell(t, "/permits", session, body, &got)
	return status, got.Left, answer
}

// tell posts something to a door of the mini program's, and reads the answer.
func (b *bench) tell(t *testing.T, door, session, body string, got any) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+door, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if session != "" {
		req.Header.Set("Authorization", "Bearer "+session)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(raw, got) // an error is no JSON of that kind
	return resp.StatusCode, string(raw)
}

// popup is WeChat's event that tells of answers, as XML.
func popup(who, template, status string, at time.Time) string {
	return fmt.Sprintf("<xml><ToUserName>gh_mini</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent><List><TemplateId>%s</TemplateId><SubscribeStatusString>%s</SubscribeStatusString><PopupScene>0</PopupScene></List></SubscribeMsgPopupEvent></xml>",
		who, at.Unix(), template, status)
}

// What a person accepts counts once, told by the mini program, by WeChat, or by both in either
// order, and again.
func TestConsentsAreCounted(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		keys := b.withMiniDoor(t)
		door := "/wechat/shop/" + b.sim.MiniAppID
		who := b.someone(t, 3)
		session := b.sessionOf(t, who)
		allows := func(template string, want int64) {
			t.Helper()
			eventually(t, fmt.Sprintf("%d messages of %s are allowed", want, template), func() bool {
				permits, err := b.db.PermitsOf(t.Context(), b.account, b.mini, wxcast.Recipient(who))
				var left int64
				for _, p := range permits {
					if p.TemplateID == template {
						left += p.Messages
					}
				}
				return err == nil && left == want
			})
		}
		tell := func(template, status string, at time.Time) {
			t.Helper()
			if code, answer := b.postSealedTo(t, door, keys, popup(who, template, status, at)); code != http.StatusOK {
				t.Fatalf("%d %s", code, answer)
			}
		}
		// Who does not have the mini program's keys is no WeChat, though they have the account's.
		if status, _ := b.postSealedTo(t, door, b.keys, popup(who, "T1", "accept", time.Now())); status !=
			http.StatusForbidden {
			t.Errorf("sealed with the account's keys: %d, want 403", status)
		}
		status, _ := b.postSealedTo(t, "/wechat/shop/wxother", keys, popup(who, "T1", "accept", time.Now()))
		if status != http.StatusNotFound {
			t.Errorf("to a mini program of nobody: %d, want 404", status)
		}
		// The mini program alone, and its retry.
		for range 2 {
			status, left, answer := b.report(t, session,
				`{"id":"a1","scene":"order","results":{"T1":"accept","T2":"reject","T3":"filter","errMsg":"requestSubscribeMessage:ok"}}`)
			if status != http.StatusOK || left["T1"] != 1 || left["T2"] != 0 || len(left) != 2 {
				t.Fatalf("%d %v %s", status, left, answer)
			}
		}
		// WeChat tells of the same, twice.
		now := time.Now()
		for range 2 {
			tell("T1", "accept", now)
		}
		allows("T1", 1)
		// WeChat first; from now on it is the truth, and the mini program's word a hint.
		tell("T4", "accept", now)
		allows("T4", 1)
		if _, left, answer := b.report(t, session, `{"id":"a2","results":{"T4":"acceptWithAudio"}}`); left["T4"] != 1 {
			t.Errorf("after WeChat told: %v %s, want the one", left, answer)
		}
		if _, left, answer := b.report(t, session, `{"id":"a3","results":{"T5":"accept"}}`); left["T5"] != 0 {
			t.Errorf("the mini program alone, where WeChat tells: %v %s, want a hint only", left, answer)
		}
		tell("T5", "accept", now)
		allows("T5", 1)
		// A refusal takes what was there.
		tell("T1", "reject", now.Add(2*time.Second))
		allows("T1", 0)
	})
}

func TestBadReportsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		session := b.sessionOf(t, b.someone(t, 3))
		for body, want := range map[string]string{
			``: "send id, scene", `{`: "send id, scene", `{"id":"a","results":{}}`: "names 0 templates",
			`{"results":{"T":"accept"}}`:                                 "id is not 1 to 64 letters",
			`{"id":"a b","results":{"T":"accept"}}`:                      "id is not 1 to 64 letters",
			`{"id":"a","results":{"T":"yes"}}`:                           "none of accept, reject, ban and filter",
			`{"id":"a","results":{"T 1":"accept"}}`:                      "is no template id",
			`{"id":"a","form_id":"f","results":{"T":"accept"}}`:          "WeChat retired its API on 2020-01-10",
			`{"id":"` + strings.Repeat("x", 9000) + `"}`:                 "send id, scene",
			`{"id":"a","results":{` + manyResults(21) + `"T":"reject"}}`: "names 22 templates",
		} {
			if status, _, answer := b.report(t, session, body); status != http.StatusBadRequest ||
				!strings.Contains(answer, want) {
				t.Errorf("%.60s: %d %s, want %q", body, status, answer, want)
			}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/permits", strings.NewReader("{"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Language", "zh-CN")
		if resp, err := http.DefaultClient.Do(req); err != nil {
			t.Error(err)
		} else {
			raw, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if !strings.Contains(string(raw), "会话无效") {
				t.Errorf("in Chinese it says %s", raw)
			}
		}
		for _, bad := range []string{"", "x", session + "x", session[:len(session)-4]} {
			status, _, answer := b.report(t, bad, `{"id":"a","results":{"T":"accept"}}`)
			if status != http.StatusUnauthorized {
				t.Errorf("the session %.20s…: %d %s", bad, status, answer)
			}
		}
		if permits, err := b.db.PermitCounts(t.Context(), b.account, b.mini); err != nil || len(permits) > 0 {
			t.Errorf("%+v %v", permits, err)
		}
	})
}

func manyResults(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, `"T%d":"accept",`, i)
	}
	return all.String()
}

// Many people's answers at once are each stored before they are answered.
func TestManyReportsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		session := map[string]string{}
		for i := range 20 {
			who := b.someone(t, i)
			session[who] = b.sessionOf(t, who)
		}
		var all sync.WaitGroup
		for who, s := range session {
			for n := range 10 {
				all.Go(func() {
					body := fmt.Sprintf(`{"id":"%s-%d","results":{"T1":"accept"}}`, who[:8], n)
					if status, left, answer := b.report(t, s, body); status != http.StatusOK || left["T1"] < 1 {
						t.Errorf("%d %s", status, answer)
					}
				})
			}
		}
		all.Wait()
		counts, err := b.db.PermitCounts(t.Context(), b.account, b.mini)
		if err != nil || len(counts) != 1 || counts[0].People != 20 || counts[0].Permits != 200 {
			t.Errorf("%+v %v, want 20 people with 200 messages", counts, err)
		}
	})
}

// What people accept in the simulator is in our ledger, in each mode and form of the events.
func TestTheLedgerIsWeChats(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		cfg := *b.cfg
		cfg.Accounts = append([]config.Account(nil), b.cfg.Accounts...)
		cfg.Accounts[0].MiniPrograms = append([]config.MiniProgram(nil), cfg.Accounts[0].MiniPrograms...)
		mini := &cfg.Accounts[0].MiniPrograms[0]
		mini.Token, mini.EncodingAESKey = config.Secret(b.sim.MiniToken), config.Secret(b.sim.MiniAESKey)
		b.start(t, &cfg, slog.New(slog.DiscardHandler))
		people, permits := int64(0), int64(0)
		for _, mode := range []string{"plain", "compatible", "safe"} {
			for _, format := range []string{"xml", "json"} {
				b.sim.SetKnobs(func(k *simulator.Knobs) {
					k.MiniCallbackURL = b.base + "/wechat/shop/" + b.sim.MiniAppID
					k.CallbackMode, k.CallbackFormat = mode, format
				})
				who := b.someone(t, int(people))
				b.sim.GivePermits(who, b.sim.TemplateID, int(people)+1)
				people++
				permits += people
				eventually(t, mode+" "+format+": every consent is in the ledger", func() bool {
					counts, err := b.db.PermitCounts(t.Context(), b.account, b.mini)
					return err == nil && len(counts) == 1 && counts[0].People == people && counts[0].Permits == permits
				})
			}
		}
		b.sim.RefusePermits(b.someone(t, 5), b.sim.TemplateID)
		eventually(t, "what was refused is gone", func() bool {
			counts, err := b.db.PermitCounts(t.Context(), b.account, b.mini)
			return err == nil && counts[0].People == people-1 && counts[0].Permits == permits-6
		})
	})
}
