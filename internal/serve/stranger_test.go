package serve_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
)

// Where an account has a key for sealed callbacks, a plain one is nobody's: its signature
// stands in every access log, and does not cover what it says.
func TestPlainCallbacksAreRefusedWhereThereIsAKey(t *testing.T) {
	eachIn(t, "safe", func(t *testing.T, b *bench) {
		openid, _ := b.sim.FollowerIDs(3)
		if status, answer := b.post(t, message(openid, "退订", 1), nil); status != http.StatusForbidden ||
			answer != "plain" {
			t.Errorf("a plain one: %d %s, want 403 plain", status, answer)
		}
		if status, _ := b.postSealed(t, b.keys, message(openid, "退订", 2)); status != http.StatusOK {
			t.Errorf("a sealed one: %d, want 200", status)
		}
	})
}

// Without a Token anybody could sign: nothing is taken.
func TestWithoutATokenNothingIsTaken(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		cfg := *b.cfg
		cfg.Accounts = append(cfg.Accounts[:0:0], cfg.Accounts...)
		cfg.Accounts[0].Token = ""
		b.start(t, &cfg, slog.New(slog.DiscardHandler))
		openid, _ := b.sim.FollowerIDs(3)
		for _, token := range []string{"", b.sim.Token} {
			q := wechat.CallbackTest(url.Values{}, token, "echo", time.Now())
			for _, ask := range []func(string) (*http.Response, error){http.Get, func(u string) (*http.Response, error) {
				return http.Post(u, "text/xml", strings.NewReader(message(openid, "退订", 1)))
			}} {
				resp, err := ask(b.base + "/wechat/shop?" + q.Encode())
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusNotFound {
					t.Errorf("signed with %q: %d, want 404", token, resp.StatusCode)
				}
			}
		}
		if outs, err := b.db.OptOuts(t.Context(), b.account, "", 10); err != nil || len(outs) != 0 {
			t.Errorf("a stranger put %v on the opt-out list (%v)", outs, err)
		}
	})
}

// A signed time and nonce is good for one body, which may come again.
func TestASignatureIsGoodForOneBody(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		one, _ := b.sim.FollowerIDs(3)
		signature := wechat.CallbackTest(url.Values{}, b.sim.Token, "", time.Now())
		same := func(q url.Values) {
			for key := range signature {
				q.Set(key, signature.Get(key))
			}
			q.Del("echostr")
		}
		for _, try := range []struct {
			body string
			want string
		}{{message(one, "你好", 1), "200 success"}, {message(one, "你好", 1), "200 success"},
			{message(one, "退订", 1), "403 replayed"}, {message(one, "你好", 1), "200 success"}} {
			if status, answer := b.post(t, try.body, same); fmt.Sprint(status, " ", answer) != try.want {
				t.Errorf("%d %s, want %s", status, answer, try.want)
			}
		}
	})
}

// Whatever a rightly signed callback holds, what is in it counts, and the next ones do.
func TestOddCallbacksHoldUpNobody(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		person := func(n int) string { id, _ := b.sim.FollowerIDs(n); return id }
		text := func(openid, created, content string) string {
			return "<xml><ToUserName>gh_1</ToUserName><FromUserName>" + openid + "</FromUserName><CreateTime>" + created +
				"</CreateTime><MsgType>text</MsgType><Content>" + content + "</Content><MsgId>7</MsgId></xml>"
		}
		now := strconv.FormatInt(time.Now().Unix(), 10)
		all := []struct{ name, body string }{
			{"a time in the year 9999", text(person(1), "253402300800", "退订")},
			{"a time before WeChat", text(person(2), "-5", "退订")},
			{"the greatest time", text(person(3), "9223372036854775807", "退订")},
			{"a control character", text(person(4), now, "退订\x01")},
			{"a NUL", text(person(5), now, "\x00退订")},
			{"a NUL by number", text(person(6), now, "退订&#0;")},
			{"broken UTF-8", text(person(7), now, "退订\xff")},
			{"a NUL in JSON", fmt.Sprintf(`{"FromUserName":%q,"CreateTime":%s,"MsgType":"text","Content":"\u0000退订"}`,
				person(8), now)},
			{"a long key", strings.Replace(text(person(9), now, "退订"), "<MsgType>",
				"<EventKey>"+strings.Repeat("键", 10_000)+"</EventKey><MsgType>", 1)},
		}
		for _, one := range all {
			if status, answer := b.post(t, one.body, nil); status != http.StatusOK {
				t.Errorf("%s: %d %s, want 200", one.name, status, answer)
			}
		}
		if outs, err := b.db.OptOuts(t.Context(), b.account, "", 100); err != nil || len(outs) != len(all) {
			t.Errorf("%d are on the opt-out list (%v), want %d: each was told so", len(outs), err, len(all))
		}
		b.sim.RemoveFollowers(3)
		eventually(t, "what comes after them is applied", func() bool {
			left, err := b.db.PendingCallbacks(t.Context(), b.account, 100)
			counts, countErr := b.db.FollowerCounts(t.Context(), b.account)
			return err == nil && len(left) == 0 && countErr == nil && counts.Unfollowed == 3
		})
	})
}

// People write it in many ways; a sentence that holds the word is a question.
func TestStopWordsInTheirForms(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for n, words := range []string{"退订。", "ＴＤ", " td ", "回复TD", "“退订”", "Td!", "发送 td", "退订\n", "【退订】"} {
			openid, _ := b.sim.FollowerIDs(n + 1)
			if _, answer := b.post(t, message(openid, words, n), nil); !strings.Contains(answer, "已退订") {
				t.Errorf("%q is not taken for an opt-out: %s", words, answer)
			}
			on, err := b.db.OptOuts(t.Context(), b.account, "", 100)
			if err != nil || len(on) != n+1 {
				t.Errorf("%q was answered before it was stored: %d on the list (%v)", words, len(on), err)
			}
		}
		for n, words := range []string{"怎么退订", "退订了吗", "td1", "你好", "。", ""} {
			openid, _ := b.sim.FollowerIDs(n + 50)
			if _, answer := b.post(t, message(openid, words, n+50), nil); answer != "success" {
				t.Errorf("%q is taken for an opt-out: %s", words, answer)
			}
		}
	})
}

// A callback that is old is no attack: it says what to look at, and tells nobody.
func TestAStaleCallbackIsNotCalledForged(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		openid, _ := b.sim.FollowerIDs(3)
		for n := range 30 {
			status, answer := b.post(t, message(openid, "你好", n), func(q url.Values) {
				old := wechat.CallbackTest(url.Values{}, b.sim.Token, "", time.Now().Add(-time.Hour))
				for key := range old {
					q.Set(key, old.Get(key))
				}
			})
			if status != http.StatusForbidden || answer != "stale" {
				t.Fatalf("%d %s, want 403 stale", status, answer)
			}
		}
		notices, err := b.db.PendingNotices(t.Context(), b.account, 10)
		if err != nil || len(notices) != 0 {
			t.Errorf("people are told of an attack: %+v %v", notices, err)
		}
	})
}
