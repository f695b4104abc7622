package wechat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func openStore(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.SQLiteURL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func startSimulator(t *testing.T, o simulator.Options) (*simulator.Server, string) {
	t.Helper()
	sim := simulator.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, server.URL
}

func newClient(t *testing.T, sim *simulator.Server, tokens wechat.TokenStore, bases ...string) *wechat.Client {
	t.Helper()
	c := wechat.New(wechat.Options{
		AppID: wxcast.AppID(sim.AppID), Secret: config.Secret(sim.Secret), Bases: bases, Timeout: 2 * time.Second,
		Conns: 8, Tokens: tokens,
	})
	t.Cleanup(c.Close)
	return c
}

func message(sim *simulator.Server, to wxcast.OpenID) wechat.TemplateMessage {
	return wechat.TemplateMessage{
		ToUser: to, TemplateID: sim.TemplateID, MiniAppID: wxcast.AppID(sim.MiniAppID), PagePath: "pages/a?b=<1>&c=2",
		ClientMsgID: "key-" + string(to[10:20]),
		Data:        map[string]string{"thing1": "上新 <提醒> & 更多", "time2": "2026-11-30 10:00"},
	}
}

func TestEveryCallOfTheAdapter(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 25_000, Seed: 7})
	c := newClient(t, sim, openStore(t), base)
	ctx := t.Context()

	var all []wxcast.OpenID
	for next := wxcast.OpenID(""); ; {
		page, err := c.ListFollowers(ctx, next)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != 25_000 {
			t.Fatalf("total %d", page.Total)
		}
		if len(page.OpenIDs) == 0 {
			break
		}
		all = append(all, page.OpenIDs...)
		next = page.NextOpenID
	}
	if len(all) != 25_000 {
		t.Fatalf("listed %d", len(all))
	}

	followers, calls, err := c.BatchGetUsers(ctx, all[:100])
	if err != nil || calls != (wechat.DetailCalls{Batch: 1}) || len(followers) != 100 {
		t.Fatalf("%d followers in %+v calls: %v", len(followers), calls, err)
	}
	with := 0
	for _, f := range followers {
		if !f.Subscribed || f.SubscribeTime.IsZero() || f.Scene == "" {
			t.Errorf("%+v", f)
		}
		if f.UnionID != "" {
			with++
		}
	}
	if with < 80 || with == 100 {
		t.Errorf("%d of 100 with unionid", with)
	}

	templates, err := c.ListTemplates(ctx)
	if err != nil || len(templates) != 2 || fmt.Sprint(templates[0].Keys) != "[thing1 time2]" {
		t.Fatalf("%+v %v", templates, err)
	}

	first, err := c.SendTemplate(ctx, message(sim, all[0]))
	if err != nil || first <= 1<<53 {
		t.Fatalf("msgid %d: %v", first, err)
	}
	again, err := c.SendTemplate(ctx, message(sim, all[0]))
	if err != nil || again != first {
		t.Errorf("a repeat gave %d after %d: %v", again, first, err)
	}
	if state := sim.State(); state.Messages != 1 || state.Deduplicated != 1 {
		t.Errorf("%+v", state)
	}

	quota, err := c.GetQuota(ctx, wechat.TemplateSendAPI)
	if err != nil || quota.Limit != 100_000 || quota.Used != 2 {
		t.Errorf("%+v %v", quota, err)
	}
	if state := sim.State(); state.TokenFetches != 1 {
		t.Errorf("%d token fetches", state.TokenFetches)
	}
}

func TestABadOpenIDDoesNotSpoilItsBatch(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 100})
	c := newClient(t, sim, openStore(t), base)
	page, err := c.ListFollowers(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	asked := append([]wxcast.OpenID{"oNobodyHasThisOpenID"}, page.OpenIDs[:99]...)
	followers, calls, err := c.BatchGetUsers(t.Context(), asked)
	if err != nil || len(followers) != 100 {
		t.Fatalf("%d followers: %v", len(followers), err)
	}
	gone := 0
	for _, f := range followers {
		if !f.Subscribed {
			gone++
		}
	}
	if gone != 1 || calls.Batch > 20 {
		t.Errorf("%d taken for gone, in %+v calls", gone, calls)
	}
}

func TestShiftedUnionIDsAreNotBelieved(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 60,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}, Knobs: simulator.Knobs{ShiftUnionIDs: true}})
	c := newClient(t, sim, openStore(t), base)
	page, err := c.ListFollowers(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	asked := append(append([]wxcast.OpenID{}, page.OpenIDs[:20]...), "oNobodyHasThisOpenID")
	asked = append(asked, page.OpenIDs[20:]...)
	// The 40 behind it, and the one before, whose unionid appears twice.
	followers, calls, err := c.BatchGetUsers(t.Context(), asked)
	if err != nil || calls != (wechat.DetailCalls{Batch: 1, Single: 41}) {
		t.Fatalf("%+v calls: %v", calls, err)
	}
	for _, f := range followers {
		if alone, err := c.GetUser(t.Context(), f.OpenID); err != nil || alone.UnionID != f.UnionID {
			t.Errorf("%s has %s, not %s (%v)", f.OpenID, alone.UnionID, f.UnionID, err)
		}
	}
}

func TestTokensFromElsewhere(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 3})
	stable := func() string {
		resp, err := http.Post(base+"/cgi-bin/stable_token", "",
			strings.NewReader(fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, sim.AppID,
				sim.Secret)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	bare := func() string { return strings.Split(stable(), `"`)[3] }
	for name, test := range map[string]struct {
		answer func() string
		class  wechat.Class
	}{
		"as WeChat answers": {stable, wechat.ClassOK},
		"bare":              {bare, wechat.ClassOK},
		"a dead one": {func() string { return "stable_00000000000000000000000000000000" },
			wechat.ClassConfigStop},
		"none": {func() string { return "<html>please log in</html>" }, wechat.ClassConfigStop},
	} {
		t.Run(name, func(t *testing.T) {
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
				_ *http.Request) {
				fmt.Fprint(w, test.answer())
			}))
			defer service.Close()
			for way, from := range map[string]wechat.TokenFrom{
				"URL":     {URL: config.Secret(service.URL + "/?key=s3cret-key")},
				"command": {Command: "printf '%s' '" + test.answer() + "'"},
			} {
				c := wechat.New(wechat.Options{AppID: wxcast.AppID(sim.AppID), Secret: config.Secret(""),
					Bases: []string{base}, Timeout: 2 * time.Second, Tokens: openStore(t), TokenFrom: from})
				defer c.Close()
				_, err := c.ListFollowers(t.Context(), "")
				if wechat.ClassOf(err) != test.class || err != nil && strings.Contains(err.Error(), "s3cret-key") {
					t.Errorf("%s: %v", way, err)
				}
			}
		})
	}
	t.Run("/cgi-bin/token", func(t *testing.T) {
		c := wechat.New(wechat.Options{AppID: wxcast.AppID(sim.AppID), Secret: config.Secret(sim.Secret),
			Bases: []string{base}, Timeout: 2 * time.Second, Tokens: openStore(t),
			TokenFrom: wechat.TokenFrom{Plain: true}})
		defer c.Close()
		if _, err := c.ListFollowers(t.Context(), ""); err != nil || sim.State().Calls["/cgi-bin/token"].Calls != 1 {
			t.Errorf("%v", err)
		}
	})
	t.Run("an unreachable service keeps its URL to itself", func(t *testing.T) {
		c := wechat.New(wechat.Options{AppID: "wx", Secret: config.Secret(""), Bases: []string{base},
			Timeout: time.Second, Tokens: openStore(t),
			TokenFrom: wechat.TokenFrom{URL: config.Secret(closedPort(t) + "/?key=s3cret-key")}})
		defer c.Close()
		if _, err := c.ListFollowers(t.Context(), ""); err == nil || strings.Contains(err.Error(), "s3cret-key") {
			t.Errorf("%v", err)
		}
	})
}

func TestATokenThatDiedIsRenewedOnceByAllProcessesTogether(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 10})
	db := openStore(t)
	var clients []*wechat.Client
	for range 4 {
		clients = append(clients, newClient(t, sim, db, base))
	}
	hammer := func() {
		var wg sync.WaitGroup
		for _, c := range clients {
			for range 8 {
				wg.Go(func() {
					if _, err := c.ListFollowers(t.Context(), ""); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
	}
	hammer()
	if n := sim.State().TokenFetches; n != 1 {
		t.Errorf("%d fetches for the first token", n)
	}
	resp, err := http.Post(base+simulator.ControlPath+"tokens/kill", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	hammer()
	if n := sim.State().TokenFetches; n != 2 {
		t.Errorf("%d fetches after one kill", n)
	}
}

func TestASharedTokenThatDiedTooIsReplaced(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 1})
	db := openStore(t)
	one, two := newClient(t, sim, db, base), newClient(t, sim, db, base)
	for _, c := range []*wechat.Client{one, two, one} {
		// For the last, both its own token and the shared one are dead.
		if _, err := c.ListFollowers(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(base+simulator.ControlPath+"tokens/kill", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if n := sim.State().TokenFetches; n != 3 {
		t.Errorf("%d fetches", n)
	}
}

func TestATokenThatIsAlwaysRefusedIsGivenUp(t *testing.T) {
	refusals := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "token") {
			fmt.Fprintf(w, `{"access_token":"T%d","expires_in":7200}`, refusals)
			return
		}
		refusals++
		fmt.Fprint(w, `{"errcode":40001,"errmsg":"invalid credential"}`)
	}))
	defer server.Close()
	c := wechat.New(wechat.Options{AppID: "wx", Secret: config.Secret("s"), Bases: []string{server.URL},
		Timeout: time.Second, Tokens: openStore(t)})
	defer c.Close()
	if _, err := c.ListFollowers(t.Context(), ""); wechat.ClassOf(err) != wechat.ClassToken || refusals != 2 {
		t.Errorf("after %d refusals: %v", refusals, err)
	}
}

func TestWhatIsWrongWithTheAccountIsToldWithItsClass(t *testing.T) {
	for _, test := range []struct {
		name   string
		break_ func(*simulator.Server)
		code   int
		class  wechat.Class
	}{
		{"wrong secret", func(s *simulator.Server) { s.Secret = "another" }, 40125, wechat.ClassConfigStop},
		{"wrong appid", func(s *simulator.Server) { s.AppID = "wxanother" }, 40013, wechat.ClassConfigStop},
		{"IP not on the whitelist",
			func(s *simulator.Server) { s.SetKnobs(func(k *simulator.Knobs) { k.RefuseIP = true }) }, 40164,
			wechat.ClassConfigStop},
		{"quota spent", func(s *simulator.Server) {
			s.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{wechat.UserGetAPI: 0} })
		}, 45009, wechat.ClassQuotaStop},
		{"busy", func(s *simulator.Server) { s.SetKnobs(func(k *simulator.Knobs) { k.Busy = 1 }) }, -1,
			wechat.ClassRetryLater},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim, base := startSimulator(t, simulator.Options{Followers: 1})
			c := newClient(t, sim, openStore(t), base)
			test.break_(sim)
			_, err := c.ListFollowers(t.Context(), "")
			if wechat.CodeOf(err) != test.code || wechat.ClassOf(err) != test.class {
				t.Fatalf("%v: code %d, class %v", err, wechat.CodeOf(err), wechat.ClassOf(err))
			}
			var e *wechat.Error
			if !errors.As(err, &e) || e.RID == "" || strings.Contains(e.ErrMsg, "rid") {
				t.Errorf("rid %q, errmsg %q", e.RID, e.ErrMsg)
			}
		})
	}
}

func TestFailOverIsForConnectionsOnly(t *testing.T) {
	sim, good := startSimulator(t, simulator.Options{Followers: 3})
	closed := closedPort(t)
	c := newClient(t, sim, openStore(t), closed, good)
	for range 2 {
		if _, err := c.ListFollowers(t.Context(), ""); err != nil {
			t.Errorf("the spare host was not used: %v", err)
		}
	}

	var asked atomic.Int64
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer bad.Close()
	c = newClient(t, sim, openStore(t), bad.URL, good)
	_, err := c.ListFollowers(t.Context(), "")
	var e *wechat.Error
	if !errors.As(err, &e) || e.HTTPStatus != 500 || !e.MaybeDone || asked.Load() != 1 {
		t.Errorf("after an answer another host was tried: %v", err)
	}

	c = newClient(t, sim, openStore(t), closed)
	if _, err = c.ListFollowers(t.Context(), ""); !errors.As(err, &e) || e.MaybeDone {
		t.Errorf("nothing was sent, so nothing is done: %v", err)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestACancelledCallEndsAtOnce(t *testing.T) {
	server := httptest.NewServer(brokenAnswers["a slow answer"])
	defer server.Close()
	c := wechat.New(wechat.Options{AppID: "wx", Secret: config.Secret("s"), Bases: []string{server.URL},
		Timeout: time.Minute, Tokens: openStore(t)})
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := c.ListFollowers(ctx, "")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(started) > time.Second {
		t.Errorf("after %v: %v", time.Since(started), err)
	}
}

func TestTheTableOfErrorCodes(t *testing.T) {
	for i, e := range wechat.ErrCodes {
		if i > 0 && wechat.ErrCodes[i-1].Code >= e.Code {
			t.Errorf("%d stands behind %d", e.Code, wechat.ErrCodes[i-1].Code)
		}
		for _, text := range []string{e.Meaning.EN, e.Meaning.ZH, e.Advice.EN, e.Advice.ZH, e.Class.Action().EN,
			e.Class.Action().ZH, string(e.Fault)} {
			if text == "" {
				t.Errorf("%d lacks a text", e.Code)
			}
		}
	}
	for code, want := range map[int]wechat.Class{
		0: wechat.ClassOK, -1: wechat.ClassRetryLater, 42001: wechat.ClassToken, 43004: wechat.ClassDead,
		45009: wechat.ClassQuotaStop,
		40164: wechat.ClassConfigStop, 47003: wechat.ClassMsgBad, 40252: wechat.ClassHeld,
		43108: wechat.ClassRetryLater, 45168: wechat.ClassMsgBad, 43101: wechat.ClassDead,
		43107: wechat.ClassConfigStop, 45015: wechat.ClassDead,
		45047: wechat.ClassDead, 40007: wechat.ClassConfigStop, 45086: wechat.ClassConfigStop,
		45093: wechat.ClassQuotaStop, 85437: wechat.ClassRetryLater, 99999: wechat.ClassMsgBad,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			err := fmt.Errorf("send delivery 7: %w", &wechat.Error{ErrCode: code})
			if code != 0 && wechat.ClassOf(err) != want || wechat.ClassOfCode(code) != want {
				t.Errorf("errcode %d: class %v, want %v", code, wechat.ClassOf(err), want)
			}
		})
	}
}
