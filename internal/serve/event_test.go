package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// clientWith is a program whose key has some scopes.
func (b *bench) clientWith(t *testing.T, name string, scopes ...wxcast.Scope) client {
	t.Helper()
	keys := access.Keys{Store: b.db}
	key, _, err := keys.Create(t.Context(), wxcast.APIKey{AccountID: b.account, Name: name, Scopes: scopes,
		ExpiresAt: b.db.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return client{b, key}
}

type toldEvent struct {
	Cursor, Type, Account string
	At                    time.Time
	Data                  map[string]any
}

func readEvents(t *testing.T, lines []byte) (all []toldEvent) {
	t.Helper()
	for line := range bytes.Lines(lines) {
		var e toldEvent
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

func (c client) events(t *testing.T, query string) []toldEvent {
	t.Helper()
	status, answer := c.call(t, http.MethodGet, "/events?"+query, "", "")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	return readEvents(t, answer)
}

const webhookSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// crm is a system of the company's that takes events.
type crm struct {
	mu    sync.Mutex
	taken []toldEvent
}

func (c *crm) types() (types []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.taken {
		types = append(types, e.Type)
	}
	return types
}

// What becomes of a message, and who comes and goes, reaches a reader that waits for it and the
// company's systems, in one order.
func TestSystemsHearWhatHappens(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		heard := &crm{}
		verifier, err := standardwebhooks.NewWebhook(webhookSecret)
		if err != nil {
			t.Fatal(err)
		}
		system := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = verifier.Verify(body, r.Header)
			}
			if err != nil {
				t.Errorf("a post: %v", err)
			}
			heard.mu.Lock()
			defer heard.mu.Unlock()
			heard.taken = append(heard.taken, readEvents(t, body)...)
		}))
		t.Cleanup(system.Close)
		cfg := *b.cfg
		cfg.Webhooks = config.Webhooks{AllowPrivate: true, Endpoints: []config.Webhook{
			{Name: "crm", URL: config.Secret(system.URL), Secret: webhookSecret, Lines: true},
			{Name: "others", URL: config.Secret(system.URL), Secret: webhookSecret, Accounts: []string{"another"}}}}
		b.start(t, &cfg, slog.New(slog.NewTextHandler(testWriter{t}, nil)))
		c := b.clientWith(t, "crm", wxcast.ScopeSend, wxcast.ScopeEvents, wxcast.ScopeRead)
		eventually(t, "the webhook begins", func() bool {
			hook, err := b.db.Webhook(t.Context(), b.account, "crm")
			return err == nil && hook.SetAsideAt.IsZero()
		})
		before := c.events(t, "wait=0")
		cursor := "0"
		if len(before) > 0 {
			cursor = before[len(before)-1].Cursor
		}
		openid, _ := b.sim.FollowerIDs(1)
		_, m := c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q, "key": "order-1"}`, b.order("一盒茶叶"), openid))
		var got []toldEvent
		for len(got) < 2 {
			some := c.events(t, "after="+cursor+"&types=message.*&wait=10")
			if len(some) == 0 {
				t.Fatalf("after %s nothing, before it %+v", cursor, got)
			}
			got = append(got, some...)
			cursor = got[len(got)-1].Cursor
		}
		for i, want := range []string{"message.sent", "message.receipt"} {
			e := got[i]
			if e.Type != want || e.Account != "shop" || e.Data["id"] != float64(m.ID) || e.Data["key"] != "order-1" ||
				e.Data["recipient"] != openid || e.Data["channel"] != "template" || e.Data["msgid"] == "" {
				t.Errorf("%+v, want a %s", e, want)
			}
		}
		if got[1].Data["receipt"] != "success" {
			t.Errorf("the receipt is %v", got[1].Data["receipt"])
		}
		leaver, _ := b.sim.FollowerIDs(2)
		b.sim.Leave(leaver)
		if left := c.events(t, "after="+cursor+"&types=follower"); len(left) != 1 ||
			left[0].Type != "follower.unfollowed" ||
			left[0].Data["openid"] != leaver {
			t.Errorf("who left: %+v", left)
		}
		eventually(t, "the system hears of it", func() bool {
			return slices.Equal(heard.types(), []string{"message.sent", "message.receipt", "follower.unfollowed"})
		})
		status, answer := c.call(t, http.MethodGet, "/webhooks", "", "")
		if status != http.StatusOK || strings.Count(string(answer), `"name"`) != 1 ||
			!strings.Contains(string(answer), `"state":"taking"`) {
			t.Errorf("%d %s", status, answer)
		}
		if status, answer = c.call(t, http.MethodPost, "/webhooks/crm/resume?after="+got[0].Cursor, "",
			""); status != http.StatusOK {
			t.Errorf("%d %s", status, answer)
		}
		eventually(t, "a replay", func() bool { return len(heard.types()) == 5 })
		if status, answer = c.call(t, http.MethodPost, "/webhooks/crm/test", "", ""); status != http.StatusOK ||
			!slices.Contains(heard.types(), "webhook.test") {
			t.Errorf("%d %s", status, answer)
		}
		resp, err := http.Get(b.base + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if page, err := io.ReadAll(resp.Body); err != nil ||
			!strings.Contains(string(page), `wxcast_webhook_behind{account="shop",webhook="crm"} `) ||
			!strings.Contains(string(page), `wxcast_webhook_failing_seconds{account="shop",webhook="crm"} 0`) {
			t.Errorf("the metrics do not tell of the webhook: %v", err)
		}
		narrow := b.clientWith(t, "narrow", wxcast.ScopeRead, wxcast.ScopePeople)
		for _, one := range []struct {
			c      client
			method string
			path   string
			status int
		}{
			{narrow, http.MethodGet, "/events", http.StatusForbidden},
			{narrow, http.MethodPost, "/webhooks/crm/resume", http.StatusForbidden},
			{c, http.MethodGet, "/events?after=99999", http.StatusGone},
			{c, http.MethodGet, "/events?after=x", http.StatusUnprocessableEntity},
			{c, http.MethodGet, "/events?after=-1", http.StatusUnprocessableEntity},
			{c, http.MethodGet, "/events?types=message.gone", http.StatusUnprocessableEntity},
			{c, http.MethodPost, "/webhooks/others/resume", http.StatusNotFound},
			{c, http.MethodPost, "/webhooks/crm/resume?after=99999", http.StatusGone},
		} {
			if status, answer := one.c.call(t, one.method, one.path, "", ""); status != one.status {
				t.Errorf("%s: %d %s, want %d", one.path, status, answer, one.status)
			}
		}
	})
}
