package serve_test

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	oaconfig "github.com/silenceper/wechat/v2/officialaccount/config"
	sdkmessage "github.com/silenceper/wechat/v2/officialaccount/message"
	"github.com/silenceper/wechat/v2/util"

	"github.com/wxcast/wxcast/config"
)

// handler is a company's own, made with an SDK: it says what it is told.
type handler struct {
	*httptest.Server
	fails atomic.Bool

	mu    sync.Mutex
	heard []string // of messages their ids, of events their names
}

func (b *bench) handler(t *testing.T) *handler {
	h := &handler{}
	oa := sdk.NewWechat().GetOfficialAccount(&oaconfig.Config{AppID: b.sim.AppID, AppSecret: b.sim.Secret,
		Token: b.sim.Token, EncodingAESKey: b.sim.EncodingAESKey, Cache: cache.NewMemory()})
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.fails.Load() {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		server := oa.GetServer(r, w)
		server.SetMessageHandler(func(m *sdkmessage.MixMessage) *sdkmessage.Reply {
			h.hears(string(m.FromUserName), m)
			if m.MsgType != sdkmessage.MsgTypeText || strings.Contains(m.Content, "nothing") {
				return nil
			}
			return &sdkmessage.Reply{MsgType: sdkmessage.MsgTypeText,
				MsgData: sdkmessage.NewText("you said " + m.Content)}
		})
		err := server.Serve()
		if err == nil && server.ResponseMsg != nil {
			err = server.Send()
		}
		if err != nil {
			t.Errorf("the SDK: %v", err)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *handler) hears(openid string, m *sdkmessage.MixMessage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, openid+" "+cmp.Or(string(m.Event), strconv.FormatInt(m.MsgID, 10)))
}

func (h *handler) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.heard...)
}

// say posts a message in plain or sealed, as WeChat does, and returns what the person sees.
func (b *bench) say(t *testing.T, sealed bool, openid, text string, id int) string {
	t.Helper()
	body := message(openid, text, id)
	if !sealed {
		status, answer := b.post(t, body, nil)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
		return answer
	}
	seal, err := b.keys.Seal([]byte(body), time.Now(), "nonce")
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := xml.Marshal(seal)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := b.postTo(t, "/wechat/shop", b.sim.Token, string(wrapped), func(q url.Values) {
		stamp := strconv.FormatInt(seal.TimeStamp, 10)
		q.Set("encrypt_type", "aes")
		q.Set("msg_signature", seal.MsgSignature)
		q.Set("timestamp", stamp)
		q.Set("nonce", seal.Nonce)
		q.Set("signature", util.Signature(b.sim.Token, stamp, seal.Nonce))
		q.Set("openid", openid)
	})
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	var back struct{ Encrypt string }
	if xml.Unmarshal([]byte(answer), &back) != nil || back.Encrypt == "" {
		return answer
	}
	_, plain, err := util.DecryptMsg(b.sim.AppID, back.Encrypt, b.sim.EncodingAESKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// relaying begins the program anew, with a relay.
func (b *bench) relaying(t *testing.T, r config.Relay) {
	t.Helper()
	cfg := *b.cfg
	cfg.Accounts = []config.Account{b.cfg.Accounts[0]}
	cfg.Accounts[0].Relay = r
	b.start(t, &cfg, slog.New(slog.NewTextHandler(testWriter{t}, nil)))
}

func TestThePersonGetsThePrimarysAnswer(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		primary, other := b.handler(t), b.handler(t)
		b.relaying(t, config.Relay{Primary: config.Secret(primary.URL + "/wechat?key=1"),
			Others: map[string]config.Secret{"crm": config.Secret(other.URL)}, CustomerService: []string{"人工"}})
		openid, _ := b.sim.FollowerIDs(3)
		for i, sealed := range []bool{false, true} {
			id := 10 * i
			if seen := b.say(t, sealed, openid, "hello", id+1); !strings.Contains(seen, "you said hello") {
				t.Errorf("sealed %v: the person sees %s", sealed, seen)
			}
			if seen := b.say(t, sealed, openid, "nothing to say", id+2); seen != "success" && seen != "" {
				t.Errorf("sealed %v: the person sees %s", sealed, seen)
			}
			// It is obeyed whatever the primary says; that says something here.
			if seen := b.say(t, sealed, openid, "退订", id+3); !strings.Contains(seen, "you said 退订") {
				t.Errorf("sealed %v: the person sees %s", sealed, seen)
			}
		}
		eventually(t, "who said stop is on the list", func() bool {
			outs, err := b.db.OptOuts(t.Context(), b.account, "", 10)
			return err == nil && len(outs) == 1 && outs[0].ID == openid
		})
		want := fmt.Sprintf("[%[1]s 1 %[1]s 2 %[1]s 3 %[1]s 11 %[1]s 12 %[1]s 13]", openid)
		if got := fmt.Sprint(primary.all()); got != want {
			t.Errorf("the primary heard %s", got)
		}
		eventually(t, "the other hears the same, in order", func() bool { return fmt.Sprint(other.all()) == want })
	})
}

// A primary that is down, or slow, costs no event: wxcast keeps and applies it, answers in time,
// tells people, and passes it on when it can.
func TestAPrimaryThatIsDownCostsNoEvent(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		primary, other := b.handler(t), b.handler(t)
		b.relaying(t, config.Relay{Primary: config.Secret(primary.URL), CustomerService: []string{"人工"},
			Others: map[string]config.Secret{"crm": config.Secret(other.URL)}})
		primary.fails.Store(true)
		other.fails.Store(true)
		openid, _ := b.sim.FollowerIDs(3)
		for id := range 8 {
			if seen := b.say(t, true, openid, "hello", id+1); seen != "success" {
				t.Errorf("the person sees %s", seen)
			}
		}
		if seen := b.say(t, true, openid, "人工", 9); !strings.Contains(seen,
			"<MsgType>transfer_customer_service</MsgType>") ||
			!strings.Contains(seen, "<ToUserName>"+openid+"</ToUserName>") {
			t.Errorf("the person sees %s", seen)
		}
		if seen := b.say(t, false, openid, "td", 10); !strings.Contains(seen, "已退订。") {
			t.Errorf("the person sees %s", seen)
		}
		counts, err := b.db.CountCallbacks(t.Context(), b.account, time.Now().Add(-time.Hour),
			time.Now().Add(time.Hour))
		if err != nil || counts["text"] != 10 {
			t.Errorf("%v, %v", counts, err)
		}
		eventually(t, "people are told", func() bool { // whoever was answered waits for no letter
			alerts, err := b.db.StandingAlerts(t.Context(), b.account, 10)
			return err == nil && len(alerts) > 0 && alerts[0].Key == "relay:primary"
		})
		primary.fails.Store(false)
		other.fails.Store(false)
		for _, h := range []*handler{primary, other} {
			eventually(t, "it is passed on", func() bool { return len(h.all()) >= 10 })
		}
		var want []string
		for id := range 10 {
			want = append(want, fmt.Sprint(openid, " ", id+1))
		}
		if got := other.all(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the other heard %v", got)
		}
		eventually(t, "it answers again", func() bool {
			return strings.Contains(b.say(t, true, openid, "hello", 11), "you said hello")
		})
	})
}

// What wxcast cannot read, and is WeChat's, goes to the company's handlers all the same; what is
// not WeChat's does not.
func TestWhatCannotBeReadIsPassedOn(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var mu sync.Mutex
		var heard []string
		primary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, string(body))
			_, _ = io.WriteString(w, "known")
		}))
		t.Cleanup(primary.Close)
		b.relaying(t, config.Relay{Primary: config.Secret(primary.URL),
			Others: map[string]config.Secret{"crm": config.Secret(primary.URL)}})
		odd := `{"ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": 1, "MsgType": "event", "Event": "odd", "Status": 3}`
		if status, answer := b.post(t, odd, nil); status != http.StatusOK || answer != "known" {
			t.Errorf("%d %s", status, answer)
		}
		eventually(t, "the other gets it, too", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(heard) == 2 && heard[0] == odd && heard[1] == odd
		})
		if status, _ := b.post(t, "<xml>", func(q url.Values) {
			q.Set("signature",
				"x")
		}); status != http.StatusForbidden {
			t.Errorf("unsigned: %d", status)
		}
		if status, _ := b.post(t, "{}", func(q url.Values) {
			q.Set("encrypt_type",
				"aes")
		}); status != http.StatusBadRequest {
			t.Errorf("sealed, and holds nothing: %d", status)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(heard) != 2 {
			t.Errorf("heard %q", heard)
		}
	})
}

// WeChat is answered in time, however slow the primary is.
func TestASlowPrimaryDoesNotKeepWeChatWaiting(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}))
		t.Cleanup(silent.Close)
		b.relaying(t, config.Relay{Primary: config.Secret(silent.URL)})
		openid, _ := b.sim.FollowerIDs(3)
		begun := time.Now()
		if seen := b.say(t, true, openid, "hello", 1); seen != "success" {
			t.Errorf("the person sees %s", seen)
		}
		if took := time.Since(begun); took > 4900*time.Millisecond {
			t.Errorf("WeChat waited for %s", took)
		}
	})
}
