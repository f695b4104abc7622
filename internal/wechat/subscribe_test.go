package wechat_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

var everyone = simulator.Shares{WithUnionID: 1, MiniUser: 1}

// newMiniClient calls in the name of the mini program.
func newMiniClient(t *testing.T, sim *simulator.Server, base string) *wechat.Client {
	t.Helper()
	c := wechat.New(wechat.Options{AppID: wxcast.AppID(sim.MiniAppID), Secret: config.Secret(sim.MiniSecret),
		Bases: []string{base}, Timeout: 2 * time.Second, Conns: 4, Tokens: openStore(t)})
	t.Cleanup(c.Close)
	return c
}

func miniUsers(sim *simulator.Server) (users []simulator.MiniUser) {
	for u := range sim.MiniUsers() {
		users = append(users, u)
	}
	return users
}

// The mini program's templates, by its own token.
func TestSubscribeTemplates(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 50, Seed: 7, Shares: everyone})
	templates, err := newMiniClient(t, sim, base).ListSubscribeTemplates(t.Context())
	if err != nil || len(templates) < 2 || templates[0].ID != sim.TemplateID ||
		templates[0].Kind != wxcast.PermitOnce || fmt.Sprint(templates[0].Keys) != "[thing1 time2]" {
		t.Fatalf("%+v %v", templates, err)
	}
	for _, one := range templates[1:] {
		switch one.ID {
		case simulator.EnumTemplateID:
			if fmt.Sprint(one.Enums["enum3"]) != "[待付款 已发货]" || one.Kind != wxcast.PermitOnce {
				t.Errorf("%+v", one)
			}
		case simulator.LongTermTemplateID:
			if one.Kind != wxcast.PermitLongTerm {
				t.Errorf("%+v", one)
			}
		}
	}
}

func TestASubscribeMessageTakesAPermit(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 50, Seed: 7, Shares: everyone})
	c, who := newMiniClient(t, sim, base), miniUsers(sim)[3].OpenID
	m := wechat.SubscribeMessage{ToUser: wxcast.MiniOpenID(who), TemplateID: sim.TemplateID, Page: "pages/a?b=1&c=2",
		Version: "formal", Lang: "zh_CN", Data: map[string]string{"thing1": "上新 & 提醒", "time2": "2026-11-30 10:00"}}
	_, err := c.SendSubscribe(t.Context(), m)
	if wechat.CodeOf(err) != 43101 || wechat.ClassOf(err) != wechat.ClassDead {
		t.Fatalf("without a permit: %v", err)
	}
	sim.GivePermits(who, sim.TemplateID, 1)
	msgID, err := c.SendSubscribe(t.Context(), m)
	if err != nil || msgID <= 1<<53 || sim.Received("subscribe")[who] != 1 {
		t.Errorf("msgid %d: %v", msgID, err)
	}
	quota, err := c.GetQuota(t.Context(), wechat.SubscribeSendAPI)
	if err != nil || quota.Limit != 10_000_000 || quota.Used != 2 {
		t.Errorf("%+v %v", quota, err)
	}
}

// What the simulator refuses has the class that the engine goes by.
func TestWhatIsWrongWithASubscribeMessage(t *testing.T) {
	for _, test := range []struct {
		name   string
		knobs  func(*simulator.Knobs)
		change func(*wechat.SubscribeMessage)
		code   int
		class  wechat.Class
	}{
		{"a value", nil, func(m *wechat.SubscribeMessage) { m.Data["thing1"] = "" }, 47003, wechat.ClassMsgBad},
		{"its version", nil, func(m *wechat.SubscribeMessage) { m.Version = "beta" }, 47003, wechat.ClassMsgBad},
		{"its page", nil, func(m *wechat.SubscribeMessage) { m.Page = "/pages/a" }, 41030, wechat.ClassConfigStop},
		{"its template", nil, func(m *wechat.SubscribeMessage) { m.TemplateID = "x" }, 40037, wechat.ClassConfigStop},
		{"whom it names", nil, func(m *wechat.SubscribeMessage) { m.ToUser = "x" }, 40003, wechat.ClassDead},
		{"sensitive words", refuse(wechat.SubscribeSendAPI, 45168), nil, 45168, wechat.ClassMsgBad},
		{"the template is banned", refuse(wechat.SubscribeSendAPI, 43107), nil, 43107, wechat.ClassConfigStop},
		{"the day's quota", func(k *simulator.Knobs) {
			k.DailyLimits = map[string]int64{wechat.SubscribeSendAPI: 0}
		}, nil, 45009, wechat.ClassQuotaStop},
		{"a storm of refusals", func(k *simulator.Knobs) { k.RefusePermits = 1 }, nil, 43101, wechat.ClassDead},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim, base := startSimulator(t, simulator.Options{Followers: 5, Shares: everyone})
			who := miniUsers(sim)[0].OpenID
			sim.GivePermits(who, sim.TemplateID, 1)
			if test.knobs != nil {
				sim.SetKnobs(test.knobs)
			}
			m := wechat.SubscribeMessage{ToUser: wxcast.MiniOpenID(who), TemplateID: sim.TemplateID,
				Data: map[string]string{"thing1": "a", "time2": "10:00"}}
			if test.change != nil {
				test.change(&m)
			}
			_, err := newMiniClient(t, sim, base).SendSubscribe(t.Context(), m)
			if wechat.CodeOf(err) != test.code || wechat.ClassOf(err) != test.class {
				t.Errorf("%v: class %v, want %v", err, wechat.ClassOf(err), test.class)
			}
		})
	}
}

// refuse answers every call to an API with a code.
func refuse(api string, code int) func(*simulator.Knobs) {
	return func(k *simulator.Knobs) { k.RefuseAPI = map[string]int{api: code} }
}

func TestTwoSubscribeMessagesToOnePersonAtOnce(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 5, Shares: everyone,
		Knobs: simulator.Knobs{Latency: simulator.Duration(300 * time.Millisecond)}})
	c, who := newMiniClient(t, sim, base), miniUsers(sim)[0].OpenID
	sim.GivePermits(who, sim.TemplateID, 9)
	if _, err := c.AccessToken(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[wechat.Class]int{}
	for range 2 {
		wg.Go(func() {
			_, err := c.SendSubscribe(t.Context(), wechat.SubscribeMessage{ToUser: wxcast.MiniOpenID(who),
				TemplateID: sim.TemplateID, Data: map[string]string{"thing1": "a", "time2": "10:00"}})
			mu.Lock()
			defer mu.Unlock()
			seen[wechat.ClassOf(err)]++
		})
	}
	wg.Wait()
	if seen[wechat.ClassOK] != 1 || seen[wechat.ClassRetryLater] != 1 {
		t.Errorf("%v", seen)
	}
}
