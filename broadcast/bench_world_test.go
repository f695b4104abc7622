package broadcast_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
	followersync "github.com/wxcast/wxcast/sync"
)

// bench is a simulated account whose every follower is bridged.
type bench struct {
	sim           *simulator.Server
	db            *store.DB
	client        *wechat.Client
	account, mini int64
	options       broadcast.Options
}

// each runs a test on both stores. unreachable is the share of recipients that
// WeChat refuses with 43004.
func each(t *testing.T, followers int, unreachable float64, test func(t *testing.T, b *bench)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		test(t, newBench(t, db, simulator.Options{
			Followers: followers, Seed: 13, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1,
				Unreachable: unreachable},
		}))
	})
}

// newBench begins a simulator, and brings a store to where a broadcast can begin.
func newBench(t *testing.T, db *store.DB, o simulator.Options) *bench {
	t.Helper()
	b := &bench{sim: simulator.New(o), db: db}
	server := httptest.NewServer(b.sim)
	t.Cleanup(server.Close)
	b.client = wechat.New(wechat.Options{
		AppID: wxcast.AppID(b.sim.AppID), Secret: config.Secret(b.sim.Secret), Bases: []string{server.URL},
		Timeout: 5 * time.Second, Conns: 32, Tokens: db,
	})
	t.Cleanup(b.client.Close)
	b.options = broadcast.Options{Rate: 1e5, Concurrency: 32, MaxFailures: 50, MaxFailedShare: 0.5,
		Log: slog.New(slog.NewTextHandler(testWriter{t}, nil))}
	b.prepare(t)
	return b
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSpace(string(p)))
	return len(p), nil
}

// prepare syncs and joins, so that the audience is there.
func (b *bench) prepare(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	var err error
	if b.account, err = b.db.EnsureApp(ctx, wxcast.AppID(b.sim.AppID), wxcast.KindOfficialAccount); err != nil {
		t.Fatal(err)
	}
	if b.mini, err = b.db.EnsureApp(ctx, wxcast.AppID(b.sim.MiniAppID), wxcast.KindMiniProgram); err != nil {
		t.Fatal(err)
	}
	if _, err := followersync.Run(ctx, b.client, b.db, followersync.Options{
		AccountID: b.account, Mode: wxcast.SyncIncremental, Concurrency: 8, Rate: 1e5, ResumeWithin: time.Hour,
		Log: b.options.Log,
	}); err != nil {
		t.Fatal(err)
	}
	users := func(yield func(wxcast.MiniUser, error) bool) {
		for u := range b.sim.MiniUsers() {
			if !yield(wxcast.MiniUser{MiniOpenID: wxcast.MiniOpenID(u.OpenID), UnionID: wxcast.UnionID(u.UnionID)},
				nil) {
				return
			}
		}
	}
	if _, err := b.db.ImportMiniUsers(ctx, b.account, b.mini, users, wxcast.ImportMode{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.db.Join(ctx, b.account, b.mini); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) channels() []wxcast.BroadcastChannel { return b.channelsOf(template.Facts) }

func (b *bench) channelsOf(facts wxcast.Channel) []wxcast.BroadcastChannel {
	return []wxcast.BroadcastChannel{{Name: facts.Name, Lane: wxcast.Lane{AppID: b.account, API: facts.API},
		TemplateID: b.sim.TemplateID}}
}

func (b *bench) find(t *testing.T, name string) (wxcast.Broadcast, []broadcast.With) {
	t.Helper()
	return b.findFor(t, name, b.channels())
}

func (b *bench) findFor(t *testing.T, name string, channels []wxcast.BroadcastChannel) (wxcast.Broadcast,
	[]broadcast.With) {
	t.Helper()
	s, err := spec.Parse("spec.yaml", fmt.Appendf(nil,
		"name: %s\ntemplate: %s\ndata: {thing1: 上新%s, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/a?u={{ .mini_openid }}\"}\n", name, b.sim.TemplateID, name), template.Form{})
	if err != nil {
		t.Fatal(err)
	}
	job, _, err := broadcast.Find(t.Context(), b.db, s,
		broadcast.Begin{AccountID: b.account, MiniID: b.mini, Channels: channels, State: wxcast.BroadcastRunning,
			Rate: b.options.Rate}, func() (wxcast.Audience, error) {
			return s.Resolve(t.Context(), b.db, b.account, b.mini, b.db.Now())
		})
	if err != nil {
		t.Fatal(err)
	}
	m, err := template.NewMessage(s, s.Parts[0], wxcast.AppID(b.sim.MiniAppID), job.MessageKey)
	if err != nil {
		t.Fatal(err)
	}
	return job, []broadcast.With{{Channel: template.Channel{Message: m, Sender: b.client}, Platform: b.client}}
}

// run works on the broadcast of that name, as one process does.
func (b *bench) run(t *testing.T, ctx context.Context, name string) (wxcast.Broadcast, error) {
	t.Helper()
	job, by := b.find(t, name)
	return broadcast.Run(ctx, b.db, job, by, b.options)
}

func (b *bench) tally(t *testing.T, id int64) wxcast.Tally {
	t.Helper()
	tally, err := b.db.Tally(t.Context(), wxcast.BroadcastRef{AccountID: b.account, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if tally.Recipients != tally.Sent+tally.Failed+tally.Skipped+tally.Unknown+tally.Pending {
		t.Errorf("the states do not add up: %+v", tally)
	}
	return tally
}

// agrees holds the store's books against the simulator's: as many messages as
// deliveries sent, and nobody has two.
func (b *bench) agrees(t *testing.T, id int64, recipients int64) {
	t.Helper()
	tally, state := b.tally(t, id), b.sim.State()
	if tally.Recipients != recipients || tally.Pending != 0 || int64(state.Messages) != tally.Sent+tally.Unknown ||
		state.Duplicates != 0 {
		t.Errorf("%+v beside %+v", tally, state)
	}
}
