package serve_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
)

func TestFollowersComeAndLeaveAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		leaver, _ := b.sim.FollowerIDs(7)
		b.sim.Leave(leaver)
		eventually(t, "the one who left is marked", func() bool { return !b.follower(t, leaver).Subscribed })
		b.sim.Return(leaver)
		eventually(t, "the one who came back follows", func() bool { return b.follower(t, leaver).Subscribed })
		b.sim.AddFollowers(3)
		for n := range 3 {
			openid, unionid := b.sim.FollowerIDs(200 + n)
			eventually(t, "a new follower has a unionid",
				func() bool { return string(b.follower(t, openid).UnionID) == unionid })
		}
	})
}

// WeChat told that somebody left, and it came after they were back: WeChat is asked.
func TestALateUnsubscribeIsNotBelieved(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		openid, _ := b.sim.FollowerIDs(7)
		eventually(t, "the follower is known", func() bool { return b.follower(t, openid).Subscribed })
		body := fmt.Sprintf("<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName>"+
			"<CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>unsubscribe</Event><EventKey></EventKey></xml>", openid, time.Now().Unix())
		if status, answer := b.post(t, body, nil); status != http.StatusOK || answer != "success" {
			t.Fatalf("%d %s", status, answer)
		}
		eventually(t, "the event is applied", func() bool {
			pending, err := b.db.PendingCallbacks(t.Context(), b.account, 1)
			counts, _ := b.db.CountCallbacks(t.Context(), b.account, time.Now().Add(-time.Hour),
				time.Now().Add(time.Hour))
			return err == nil && len(pending) == 0 && counts["unsubscribe"] == 1
		})
		if !b.follower(t, openid).Subscribed {
			t.Error("a follower is marked as gone who follows: no broadcast reaches them until the next sync")
		}
	})
}

// post sends a signed message to our server.
func (b *bench) post(t *testing.T, body string, change func(url.Values)) (int, string) {
	t.Helper()
	return b.postTo(t, "/wechat/shop", b.sim.Token, body, change)
}

func (b *bench) postTo(t *testing.T, door, token, body string, change func(url.Values)) (int, string) {
	t.Helper()
	q := wechat.CallbackTest(url.Values{}, token, "", time.Now())
	q.Del("echostr")
	if change != nil {
		change(q)
	}
	resp, err := http.Post(b.base+door+"?"+q.Encode(), "text/xml", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// postSealed sends a message that is sealed with keys.
func (b *bench) postSealed(t *testing.T, keys wechat.CallbackKeys, text string) (int, string) {
	t.Helper()
	return b.postSealedTo(t, "/wechat/shop", keys, text)
}

func (b *bench) postSealedTo(t *testing.T, door string, keys wechat.CallbackKeys, text string) (int, string) {
	t.Helper()
	sealed, err := keys.Seal([]byte(text), time.Now(), "nonce")
	if err != nil {
		t.Fatal(err)
	}
	body, err := xml.Marshal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	return b.postTo(t, door, keys.Token.Reveal(), string(body), func(q url.Values) {
		q.Set("encrypt_type", "aes")
		q.Set("msg_signature", sealed.MsgSignature)
		q.Set("timestamp", strconv.FormatInt(sealed.TimeStamp, 10))
		q.Set("nonce", sealed.Nonce)
	})
}

func message(openid, text string, id int) string {
	return fmt.Sprintf("<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>text</MsgType><Content><![CDATA[%s]]></Content><MsgId>%d</MsgId></xml>", openid, time.Now().Unix(), text, id)
}

func TestAStopWordIsAnsweredAndObeyed(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		openid, _ := b.sim.FollowerIDs(3)
		status, answer := b.post(t, message(openid, " td ", 1), nil)
		if status != http.StatusOK || !strings.Contains(answer, "<Content>已退订。</Content>") ||
			!strings.Contains(answer, "<FromUserName>gh_1</FromUserName>") ||
			!strings.Contains(answer, "<ToUserName>"+openid) {
			t.Errorf("%d %s", status, answer)
		}
		eventually(t, "the sender is on the opt-out list", func() bool {
			outs, err := b.db.OptOuts(t.Context(), b.account, "", 10)
			return err == nil && len(outs) == 1 && string(outs[0].ID) == openid && outs[0].Source == "message"
		})
		// In safe mode the answer is sealed, too.
		_, answer = b.postSealed(t, b.keys, message(openid, "退订", 2))
		if !strings.Contains(answer, "<Encrypt>") || strings.Contains(answer, "退订") {
			t.Errorf("%s", answer)
		}
		if _, answer := b.post(t, message(openid, "你好", 3), nil); answer != "success" {
			t.Errorf("%s", answer)
		}
	})
}

func TestWhatIsToldTwiceIsKeptOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		openid, _ := b.sim.FollowerIDs(3)
		body := message(openid, "你好", 77)
		for range 3 {
			if status, answer := b.post(t, body, nil); status != http.StatusOK || answer != "success" {
				t.Errorf("%d %s", status, answer)
			}
		}
		counts, err := b.db.CountCallbacks(t.Context(), b.account, time.Now().Add(-time.Hour),
			time.Now().Add(time.Hour))
		if err != nil || counts["text"] != 1 {
			t.Errorf("%v %v", counts, err)
		}
	})
}

func TestStrangersAreRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		openid, _ := b.sim.FollowerIDs(3)
		good := message(openid, "你好", 5)
		bomb := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><xml><FromUserName>&b;</FromUserName><MsgType>text</MsgType></xml>`
		old := func(q url.Values) {
			fresh := wechat.CallbackTest(url.Values{}, b.sim.Token, "", time.Now().Add(-time.Hour))
			for key := range fresh {
				q.Set(key, fresh.Get(key))
			}
		}
		other := b.keys
		other.AppID = "wxother"
		sealed, err := other.Seal([]byte(good), time.Now(), "n")
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := xml.Marshal(sealed)
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			body   string
			change func(url.Values)
			want   int
		}{
			"a forged signature": {good, func(q url.Values) { q.Set("signature", strings.Repeat("0", 40)) },
				http.StatusForbidden},
			"no signature":             {good, func(q url.Values) { clear(q) }, http.StatusForbidden},
			"an old one, played again": {good, old, http.StatusForbidden},
			"one that is too large":    {strings.Repeat("x", 65<<10), nil, http.StatusRequestEntityTooLarge},
			"no XML":                   {"hello", nil, http.StatusBadRequest},
			"an entity bomb":           {bomb, nil, http.StatusBadRequest},
			"a message of nobody":      {"<xml><MsgType>text</MsgType></xml>", nil, http.StatusBadRequest},
			"sealed for another appid": {string(foreign), func(q url.Values) {
				q.Set("encrypt_type", "aes")
				q.Set("msg_signature", sealed.MsgSignature)
				q.Set("timestamp", strconv.FormatInt(sealed.TimeStamp, 10))
				q.Set("nonce", sealed.Nonce)
			}, http.StatusForbidden},
			"sealed, with no signature": {string(foreign), func(q url.Values) { q.Set("encrypt_type", "aes") },
				http.StatusForbidden},
		} {
			if status, answer := b.post(t, test.body, test.change); status != test.want {
				t.Errorf("%s: %d %s, want %d", name, status, answer, test.want)
			}
		}
		if counts, err := b.db.CountCallbacks(t.Context(), b.account, time.Now().Add(-time.Hour),
			time.Now().Add(time.Hour)); err != nil || len(counts) != 0 {
			t.Errorf("kept all the same: %v %v", counts, err)
		}
		for path, want := range map[string]int{"/wechat/nobody": 404, "/healthz": 200, "/readyz": 200, "/metrics": 200,
			"/": 200} {
			resp, err := http.Get(b.base + path)
			if err != nil {
				t.Fatal(err)
			}
			page, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != want || resp.Header.Get("X-Content-Type-Options") != "nosniff" ||
				path == "/metrics" && !bytes.Contains(page,
					[]byte(`wxcast_callbacks_refused_total{account="shop",reason="forged"} 4`)) ||
				path == "/metrics" && !bytes.Contains(page,
					[]byte(`wxcast_callbacks_refused_total{account="shop",reason="stale"} 1`)) {
				t.Errorf("%s: %d %.2000s", path, resp.StatusCode, page)
			}
		}
	})
}

func TestManyForgedCallbacksAreTold(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for n := range 25 {
			if notices, err := b.db.PendingNotices(t.Context(), b.account, 10); err != nil ||
				(n < 20) != (len(notices) == 0) {
				t.Fatalf("after %d: %+v %v", n, notices, err)
			}
			b.post(t, "<xml></xml>", func(q url.Values) { q.Set("signature", "0") })
		}
		if notices, err := b.db.PendingNotices(t.Context(), b.account, 10); err != nil || len(notices) != 1 ||
			!strings.Contains(text.English.Say(notices[0].Title), "shop: callbacks with wrong signatures") {
			t.Errorf("%+v %v", notices, err)
		}
	})
}

func TestTheURLIsVerified(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for token, want := range map[string]string{b.sim.Token: "200 echo-1", "wrong": "403 forged"} {
			q := wechat.CallbackTest(url.Values{}, token, "echo-1", time.Now())
			resp, err := http.Get(b.base + "/wechat/shop?" + q.Encode())
			if err != nil {
				t.Fatal(err)
			}
			page, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if got := fmt.Sprintf("%d %s", resp.StatusCode, page); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}

// A connection on which nothing was asked yet, as proxies open them ahead, keeps no program
// from ending well.
func TestAnUnusedConnectionDoesNotDisturbTheEnd(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		b.unused = conn // open until the program has ended
		eventually(t, "the server has the connection", func() bool {
			resp, err := http.Get(b.base + "/healthz")
			if err == nil {
				_ = resp.Body.Close()
			}
			return err == nil
		})
	})
}

// Where plain callbacks are taken, too: a sealed one's address holds a plain signature, which is good for
// no plain body.
func TestASealedCallbacksSignatureIsGoodForNoOtherBody(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		openid, _ := b.sim.FollowerIDs(3)
		now := time.Now()
		q := wechat.CallbackTest(url.Values{}, b.keys.Token.Reveal(), "", now)
		sealed, err := b.keys.Seal([]byte(message(openid, "hello", 1)), now, q.Get("nonce"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := xml.Marshal(sealed)
		if err != nil {
			t.Fatal(err)
		}
		signed := func(v url.Values) {
			for k := range q {
				v.Set(k, q.Get(k))
			}
			v.Del("echostr")
		}
		if status, answer := b.postTo(t, "/wechat/shop", b.keys.Token.Reveal(), string(body), func(v url.Values) {
			signed(v)
			v.Set("encrypt_type", "aes")
			v.Set("msg_signature", sealed.MsgSignature)
		}); status != http.StatusOK {
			t.Fatalf("WeChat's own: %d %s", status, answer)
		}
		if status, answer := b.postTo(t, "/wechat/shop", "nobody knows the token", message(openid, "td", 666),
			signed); status != http.StatusForbidden {
			t.Errorf("%d %s, want it refused", status, answer)
		}
	})
}
