package wechat

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// officialKeys are those of WeChat's own sample.
var officialKeys = CallbackKeys{AppID: "wxba5fad812f8e6fb9", Token: config.Secret("AAAAA"),
	AESKeys: []interface{ Reveal() string }{config.Secret(strings.Repeat("A", 43))}}

const (
	officialSealed = "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
	officialReply  = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
)

func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// Source: WeChat's message push page, sample; recomputed.
func TestOfficialVectors(t *testing.T) {
	echo, err := officialKeys.VerifyURL(query("signature", "f464b24fc39322e44b38aa78f5edd27bd1441696", "timestamp",
		"1714036504", "nonce", "1514711492", "echostr", "4375120948345356249"))
	if err != nil || echo != "4375120948345356249" {
		t.Errorf("GET: %q %v", echo, err)
	}
	plain := query("signature", "899cf89e464efb63f54ddac96b0a0a235f53aa78", "timestamp", "1714037059", "nonce",
		"486452656")
	if _, err := (CallbackKeys{Token: officialKeys.Token}).Open(plain,
		[]byte(`{"FromUserName":"o","MsgType":"event","Event":"debug_demo"}`)); err != nil {
		t.Errorf("POST, plain: %v", err)
	}
	safe := query("signature", "6c5c811b55cc85e0e1b54100749188c20beb3f5d", "timestamp", "1714112445", "nonce",
		"415670741",
		"encrypt_type", "aes", "msg_signature", "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3")
	for format, body := range map[string]string{
		"JSON": `{"ToUserName":"gh_97417a04a28d","Encrypt":"` + officialSealed + `"}`,
		"XML":  `<xml><ToUserName>gh_97417a04a28d</ToUserName><Encrypt><![CDATA[` + officialSealed + `]]></Encrypt></xml>`,
	} {
		e, err := officialKeys.Open(safe, []byte(body))
		if err != nil || e.OpenID != "o9AgO5Kd5ggOC-bXrbNODIiE3bGY" || e.Name != "debug_demo" ||
			e.CreatedAt.Unix() != 1714112445 {
			t.Errorf("POST, safe, %s: %+v %v", format, e, err)
		}
	}
	reply, err := officialKeys.seal([]byte("707722b803182950"), []byte(`{"demo_resp":"good luck"}`),
		time.Unix(1713424427, 0), "415670741")
	if err != nil || reply.Encrypt != officialReply ||
		reply.MsgSignature != "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1" {
		t.Errorf("reply: %+v %v", reply, err)
	}
	if raw, err := xml.Marshal(reply); err != nil || !strings.HasPrefix(string(raw), "<xml><Encrypt>") ||
		!strings.Contains(string(raw), "<TimeStamp>1713424427</TimeStamp>") {
		t.Errorf("%s %v", raw, err)
	}
}

func TestForgedAndMalformedCallbacksAreRefused(t *testing.T) {
	body := `{"Encrypt":"` + officialSealed + `"}`
	good := query("timestamp", "1714112445", "nonce", "415670741", "encrypt_type", "aes", "msg_signature",
		"046e02f8204d34f8ba5fa3b1db94908f3df2e9b3")
	change := func(key, value string) url.Values {
		q := url.Values{}
		for k, v := range good {
			q[k] = v
		}
		q.Set(key, value)
		return q
	}
	other := officialKeys
	other.AppID = "wxanother"
	compatible, nameless := officialKeys, officialKeys
	compatible.Compatible, nameless.Token = true, config.Secret("")
	rotated := officialKeys
	rotated.AESKeys = append([]interface{ Reveal() string }{config.Secret(strings.Repeat("B", 43))},
		officialKeys.AESKeys...)
	plain := query("signature", "899cf89e464efb63f54ddac96b0a0a235f53aa78", "timestamp", "1714037059", "nonce",
		"486452656")
	for name, test := range map[string]struct {
		keys CallbackKeys
		q    url.Values
		body string
		want error
	}{
		"good":                  {officialKeys, good, body, nil},
		"the key before":        {rotated, good, body, nil},
		"a wrong msg_signature": {officialKeys, change("msg_signature", strings.Repeat("0", 40)), body, ErrForged},
		"signature instead of it": {officialKeys, change("msg_signature", "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
			body, ErrForged},
		"another time":          {officialKeys, change("timestamp", "1714112446"), body, ErrForged},
		"another body":          {officialKeys, good, `{"Encrypt":"AAAA"}`, ErrForged},
		"another app's message": {other, good, body, ErrForged},
		"nothing sealed":        {officialKeys, good, `{}`, ErrMalformed},
		"no JSON":               {officialKeys, good, `{`, ErrMalformed},
		"no XML":                {compatible, plain, `<xml><a></xml>`, ErrMalformed},
		"an entity bomb": {compatible, plain,
			`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><FromUserName>&b;</FromUserName><MsgType>event</MsgType></xml>`, ErrMalformed},
		"nobody": {compatible, plain, `<xml><MsgType>event</MsgType></xml>`, ErrMalformed},
		"empty":  {compatible, plain, ``, ErrMalformed},
		"no openid": {compatible, plain, `<xml><FromUserName>a b</FromUserName><MsgType>event</MsgType></xml>`,
			ErrMalformed},
		"plain, though there is a key": {officialKeys, plain, `{"FromUserName":"o","MsgType":"event"}`, ErrPlain},
		"no token here, and none there": {nameless, query("timestamp", "1", "nonce", "2", "signature",
			util.Signature("", "1", "2")), `{"FromUserName":"o","MsgType":"event"}`, ErrForged},
		"plain and unsigned": {officialKeys, query("timestamp", "1", "nonce", "2"),
			`{"FromUserName":"o","MsgType":"event"}`, ErrForged},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := test.keys.Open(test.q, []byte(test.body)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestEventsInAllTheirForms(t *testing.T) {
	accept := SubscribeItem{TemplateID: "T1", Status: "accept"}
	for name, test := range map[string]struct {
		body string
		want Event
	}{
		"subscribe": {`<xml><FromUserName><![CDATA[o]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType>event</MsgType><Event>subscribe</Event><EventKey>qrscene_7</EventKey></xml>`,
			Event{Type: "event", Name: "subscribe", Key: "qrscene_7"}},
		"a receipt": {`<xml><FromUserName>o</FromUserName><CreateTime>1700000000</CreateTime><MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><MsgID>3264439863978712345</MsgID><Status>failed: system failed</Status></xml>`,
			Event{Type: "event", Name: "templatesendjobfinish", MsgID: 3264439863978712345,
				Status: "failed:system failed"}},
		"a text": {`<xml><FromUserName>o</FromUserName><CreateTime>1700000000</CreateTime><MsgType>text</MsgType><Content>退订</Content><MsgId>9</MsgId></xml>`,
			Event{Type: "text", Content: "退订", MsgID: 9}},
		"a popup with two templates": {`<xml><FromUserName>o</FromUserName><CreateTime>1700000000</CreateTime><MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent><List><TemplateId>T1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString><PopupScene>2</PopupScene></List><List><TemplateId>T2</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List></SubscribeMsgPopupEvent></xml>`,
			Event{Type: "event", Name: "subscribe_msg_popup_event",
				Items: []SubscribeItem{accept, {TemplateID: "T2", Status: "reject"}}}},
		"JSON, a single entry": {`{"FromUserName":"o","CreateTime":"1700000000","MsgType":"event","Event":"subscribe_msg_popup_event","List":{"TemplateId":"T1","SubscribeStatusString":"accept","PopupScene":"0"}}`,
			Event{Type: "event", Name: "subscribe_msg_popup_event", Items: []SubscribeItem{accept}}},
		"JSON, several entries": {`{"FromUserName":"o","CreateTime":1700000000,"MsgType":"event","Event":"subscribe_msg_popup_event","List":[{"TemplateId":"T1","SubscribeStatusString":"accept"},{"TemplateId":"T2","SubscribeStatusString":"reject"}]}`,
			Event{Type: "event", Name: "subscribe_msg_popup_event",
				Items: []SubscribeItem{accept, {TemplateID: "T2", Status: "reject"}}}},
		"JSON, nested": {`{"FromUserName":"o","CreateTime":1700000000,"MsgType":"event","Event":"subscribe_msg_sent_event","SubscribeMsgSentEvent":{"List":{"TemplateId":"T1","MsgID":"1864323726461255680","ErrorCode":"0","ErrorStatus":"success"}}}`,
			Event{Type: "event", Name: "subscribe_msg_sent_event",
				Items: []SubscribeItem{{TemplateID: "T1", Status: "success", MsgID: 1864323726461255680}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseEvent([]byte(test.body))
			test.want.OpenID, test.want.CreatedAt = "o", time.Unix(1700000000, 0).UTC()
			if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.want) {
				t.Errorf("got  %+v\nwant %+v\n%v", got, test.want, err)
			}
		})
	}
}

// What the simulator sends, which has crypto and formats of its own, is read here.
func TestTheSimulatorsCallbacksAreRead(t *testing.T) {
	for _, mode := range []string{"plain", "compatible", "safe"} {
		for _, format := range []string{"xml", "json"} {
			t.Run(mode+" "+format, func(t *testing.T) {
				sim := simulator.New(simulator.Options{Followers: 5, Seed: 9})
				defer sim.Close()
				keys := CallbackKeys{AppID: wxcast.AppID(sim.AppID), Token: config.Secret(sim.Token),
					AESKeys:    []interface{ Reveal() string }{config.Secret(sim.EncodingAESKey)},
					Compatible: mode == "plain"}
				var mu sync.Mutex
				seen := map[string]int{}
				tries := 0
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body := make([]byte, r.ContentLength)
					_, _ = r.Body.Read(body)
					e, err := keys.Open(r.URL.Query(), body)
					mu.Lock()
					defer mu.Unlock()
					if tries++; tries == 1 {
						w.WriteHeader(http.StatusInternalServerError) // the first is delivered again
						return
					}
					if err != nil {
						t.Errorf("%v: %s", err, body)
						return
					}
					seen[e.Name]++
					_, _ = w.Write([]byte("success"))
				}))
				defer server.Close()
				sim.SetKnobs(func(k *simulator.Knobs) {
					k.CallbackURL, k.CallbackMode, k.CallbackFormat, k.ReceiptDelay = server.URL, mode, format, 1
				})
				sim.AddFollowers(3)
				sim.RemoveFollowers(2)
				for u := range sim.MiniUsers() {
					sim.GivePermits(u.OpenID, sim.TemplateID, 1)
					sim.RefusePermits(u.OpenID, sim.TemplateID)
					break
				}
				want := `{"subscribe":3,"subscribe_msg_change_event":1,"subscribe_msg_popup_event":1,"unsubscribe":2}`
				for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
					mu.Lock()
					got, _ := json.Marshal(seen)
					mu.Unlock()
					if string(got) == want {
						return
					}
					if time.Now().After(deadline) {
						t.Fatalf("got %s, want %s", got, want)
					}
				}
			})
		}
	}
}

func FuzzOpenCallback(f *testing.F) {
	f.Add(`<xml><FromUserName>o</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>subscribe</Event></xml>`, "")
	f.Add(`{"FromUserName":"o","CreateTime":"1","MsgType":"event","List":[{"TemplateId":"T"}]}`, "")
	f.Add(`{"Encrypt":"`+officialSealed+`"}`, "aes")
	f.Add(`<xml><Encrypt>AAAA</Encrypt></xml>`, "aes")
	// Whatever is accepted is about somebody; whatever is not is one of the two errors.
	// A body that its signature does not cover is never accepted as sealed.
	f.Fuzz(func(t *testing.T, body, encryptType string) {
		q := query("signature", "899cf89e464efb63f54ddac96b0a0a235f53aa78", "timestamp", "1714037059", "nonce",
			"486452656",
			"encrypt_type", encryptType, "msg_signature", "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3")
		keys := officialKeys
		keys.Compatible = true
		e, err := keys.Open(q, []byte(body))
		switch {
		case err == nil && (e.OpenID == "" || encryptType == "aes"):
			t.Errorf("accepted: %+v", e)
		case err != nil && !errors.Is(err, ErrForged) && !errors.Is(err, ErrMalformed):
			t.Errorf("%v", err)
		}
	})
}

func FuzzDecrypt(f *testing.F) {
	f.Add(officialSealed, []byte("hello"))
	f.Add("", []byte{})
	// What we seal opens again, and nothing else does.
	f.Fuzz(func(t *testing.T, sealed string, plain []byte) {
		keys := officialKeys
		signature := func(s string) url.Values {
			return query("timestamp", "1", "nonce", "2", "encrypt_type", "aes", "msg_signature",
				util.Signature(keys.Token.Reveal(), "1", "2", s))
		}
		if sealed != officialSealed {
			if e, err := keys.Open(signature(sealed), fmt.Appendf(nil, `{"Encrypt":%q}`, sealed)); err == nil {
				t.Errorf("%q was opened: %+v", sealed, e)
			}
		}
		inner, err := json.Marshal(map[string]string{"FromUserName": "o", "MsgType": "text",
			"Content": strings.ToValidUTF8(string(plain), "?")})
		if err != nil {
			t.Fatal(err)
		}
		reply, err := keys.Seal(inner, time.Unix(1, 0), "2")
		if err != nil {
			t.Fatal(err)
		}
		e, err := keys.Open(signature(reply.Encrypt), fmt.Appendf(nil, `{"Encrypt":%q}`, reply.Encrypt))
		if err != nil || e.Content != strings.ToValidUTF8(string(plain), "?") {
			t.Errorf("%q came back as %q: %v", plain, e.Content, err)
		}
	})
}

func TestReceiptsComeWithEveryStatus(t *testing.T) {
	for want, turn := range map[string]func(*simulator.Knobs){
		"success":              func(*simulator.Knobs) {},
		"failed:user block":    func(k *simulator.Knobs) { k.UserBlock = 1 },
		"failed:system failed": func(k *simulator.Knobs) { k.SystemFailed = 1 },
		"failed:freq limit":    func(k *simulator.Knobs) { k.PersonFreqLimit, k.DuplicateFilter = 1, -1 },
	} {
		t.Run(want, func(t *testing.T) {
			sim := simulator.New(simulator.Options{Followers: 5, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
			defer sim.Close()
			api := httptest.NewServer(sim)
			defer api.Close()
			keys := CallbackKeys{AppID: wxcast.AppID(sim.AppID), Token: config.Secret(sim.Token)}
			receipts := make(chan Event, 10)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body := make([]byte, r.ContentLength)
				_, _ = r.Body.Read(body)
				if e, err := keys.Open(r.URL.Query(), body); err != nil {
					t.Error(err)
				} else {
					receipts <- e
				}
			}))
			defer server.Close()
			sim.SetKnobs(func(k *simulator.Knobs) {
				turn(k)
				k.CallbackURL, k.ReceiptDelay = server.URL, 1
			})
			c := New(Options{AppID: wxcast.AppID(sim.AppID), Secret: config.Secret(sim.Secret),
				Bases: []string{api.URL}, Timeout: time.Second, Tokens: &oneToken{}})
			defer c.Close()
			page, err := c.ListFollowers(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			sent := map[int64]bool{}
			for i := range 2 { // the second is what a person's limit is about
				id, err := c.SendTemplate(t.Context(),
					TemplateMessage{ToUser: page.OpenIDs[0], TemplateID: sim.TemplateID,
						ClientMsgID: fmt.Sprint(want, i),
						Data:        map[string]string{"thing1": fmt.Sprint("a", i), "time2": "10:00"}})
				if err != nil {
					t.Fatal(err)
				}
				sent[id] = true
			}
			seen := map[string]bool{}
			for range 2 {
				select {
				case e := <-receipts:
					seen[e.Status] = true
					if e.Name != "templatesendjobfinish" || e.OpenID != page.OpenIDs[0] || !sent[e.MsgID] {
						t.Errorf("%+v, sent %v", e, sent)
					}
				case <-time.After(5 * time.Second):
					t.Fatal("no receipt")
				}
			}
			if !seen[want] {
				t.Errorf("got %v", seen)
			}
		})
	}
}

// oneToken is a token cache for one client, where no store is at hand.
type oneToken struct {
	mu sync.Mutex
	t  wxcast.Token
}

func (o *oneToken) Token(context.Context, wxcast.AppID) (wxcast.Token, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.t, nil
}

func (o *oneToken) SaveToken(_ context.Context, _ wxcast.AppID, t wxcast.Token) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.t = t
	return nil
}

func (*oneToken) TryLock(context.Context, string, string, time.Duration) (bool, wxcast.LockHolder, error) {
	return true, wxcast.LockHolder{}, nil
}

func (*oneToken) Unlock(context.Context, string, string) error { return nil }
