package followersync_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
	followersync "github.com/wxcast/wxcast/sync"
)

// bench is one account of a simulator, to be synced into a fresh store.
type bench struct {
	sim     *simulator.Server
	db      *store.DB
	client  *wechat.Client
	options followersync.Options
}

// each runs a test on both stores, against a simulator with pages of 1,000.
func each(t *testing.T, followers int, test func(t *testing.T, b *bench)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := &bench{sim: simulator.New(simulator.Options{Followers: followers, Seed: 11,
			Knobs: simulator.Knobs{PageSize: 1000}}), db: db}
		server := httptest.NewServer(b.sim)
		t.Cleanup(server.Close)
		b.client = wechat.New(wechat.Options{
			AppID: wxcast.AppID(b.sim.AppID), Secret: config.Secret(b.sim.Secret), Bases: []string{server.URL},
			Timeout: 5 * time.Second, Conns: 8, Tokens: db,
		})
		t.Cleanup(b.client.Close)
		account, err := db.EnsureApp(t.Context(), wxcast.AppID(b.sim.AppID), wxcast.KindOfficialAccount)
		if err != nil {
			t.Fatal(err)
		}
		b.options = followersync.Options{
			AccountID: account, Mode: wxcast.SyncIncremental, Concurrency: 8, Rate: 1e5,
			MaxUnfollowShare: 0.2, ResumeWithin: time.Hour, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		}
		test(t, b)
	})
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSpace(string(p)))
	return len(p), nil
}

func (b *bench) run(t *testing.T, ctx context.Context) (followersync.Summary, error) {
	t.Helper()
	return followersync.Run(ctx, b.client, b.db, b.options)
}

func (b *bench) mustRun(t *testing.T) followersync.Summary {
	t.Helper()
	s, err := b.run(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// counts are followers, with_unionid, unfollowed in the store.
func (b *bench) counts(t *testing.T) wxcast.FollowerCounts {
	t.Helper()
	c, err := b.db.FollowerCounts(t.Context(), b.options.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachNightMakesTheFewestCalls(t *testing.T) {
	each(t, 3250, func(t *testing.T, b *bench) {
		first := b.mustRun(t)
		if first.Listed != 3250 || first.New != 3250 || first.Total != 3250 || first.Resumed ||
			first.APICalls["user/get"] != 5 || first.APICalls["user/info/batchget"] != 33 {
			t.Errorf("first: %+v", first)
		}
		second := b.mustRun(t)
		if second.New+second.Updated+second.Unfollowed != 0 || second.APICalls["user/info/batchget"] != 0 ||
			second.WithUnionID != first.WithUnionID {
			t.Errorf("nothing changed: %+v", second)
		}
		b.sim.AddFollowers(120)
		b.sim.RemoveFollowers(30)
		third := b.mustRun(t)
		if third.New != 120 || third.Unfollowed != 30 || third.Updated != 0 ||
			third.APICalls["user/info/batchget"] != 2 {
			t.Errorf("120 came and 30 left: %+v", third)
		}
		if c := b.counts(t); c.Followers != 3340 || c.Unfollowed != 30 {
			t.Errorf("%+v", c)
		}
		b.options.Mode = wxcast.SyncFull
		if full := b.mustRun(t); full.Updated != 3340 || full.APICalls["user/info/batchget"] != 34 {
			t.Errorf("full: %+v", full)
		}
	})
}

func TestAStoppedSyncGoesOnWhereItWas(t *testing.T) {
	each(t, 5000, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency = simulator.Duration(20 * time.Millisecond) })
		var calls int64
		stops := 0
		for ; ; stops++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(120+20*stops)*time.Millisecond)
			s, err := b.run(t, ctx)
			cancel()
			calls = s.APICalls["user/info/batchget"]
			if err == nil {
				if stops == 0 {
					t.Fatal("it was never stopped: the test shows nothing")
				}
				if !s.Resumed || s.Listed != 5000 || s.New != 5000 {
					t.Errorf("after %d stops: %+v", stops, s)
				}
				break
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			if stops > 50 {
				t.Fatal("it never ends")
			}
		}
		if most := int64(50 + 8*stops); calls > most { // those in flight at a stop are repeated, and nothing more
			t.Errorf("%d calls for 50 batches and %d stops, want %d at most", calls, stops, most)
		}
		if c := b.counts(t); c.Followers != 5000 {
			t.Errorf("%+v", c)
		}
	})
}

func TestASyncSurvivesABadPlatform(t *testing.T) {
	each(t, 2000, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) {
			k.Busy, k.BadGateway, k.DropAfter = 0.05, 0.05, 0.05
			k.KillTokenEvery = simulator.Duration(300 * time.Millisecond)
		})
		s := b.mustRun(t)
		if c := b.counts(t); c.Followers != 2000 || s.New != 2000 {
			t.Errorf("%+v %+v", c, s)
		}
	})
}

// Other faults before it do not use up the patience with a token that someone replaces.
func TestATokenThatIsRefusedAfterOtherFaultsIsReplaced(t *testing.T) {
	each(t, 100, func(t *testing.T, b *bench) {
		var calls atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == wechat.BatchGetAPI {
				switch n := calls.Add(1); {
				case n <= 2:
					w.WriteHeader(http.StatusBadGateway)
					return
				case n <= 4:
					_, _ = io.WriteString(w, `{"errcode":40001,"errmsg":"invalid credential"}`)
					return
				}
			}
			b.sim.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		b.client = wechat.New(wechat.Options{
			AppID: wxcast.AppID(b.sim.AppID), Secret: config.Secret(b.sim.Secret), Bases: []string{server.URL},
			Timeout: 5 * time.Second, Conns: 8, Tokens: b.db,
		})
		t.Cleanup(b.client.Close)
		if s := b.mustRun(t); s.New != 100 || calls.Load() != 5 {
			t.Errorf("%+v, %d calls", s, calls.Load())
		}
	})
}

func TestASpentQuotaStopsTheSyncAndTheNextDayGoesOn(t *testing.T) {
	each(t, 2000, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{wechat.BatchGetAPI: 12} })
		_, err := b.run(t, t.Context())
		if wechat.ClassOf(err) != wechat.ClassQuotaStop {
			t.Fatalf("%v", err)
		}
		if c := b.counts(t); c.Followers != 1200 {
			t.Errorf("12 calls are 1,200 followers: %+v", c)
		}
		b.sim.MoveClock(24 * time.Hour)
		if s := b.mustRun(t); s.New != 2000 || !s.Resumed || b.counts(t).Followers != 2000 {
			t.Errorf("%+v", s)
		}
	})
}

func TestOnlyOneSyncOfAnAccountAtATime(t *testing.T) {
	each(t, 1000, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency = simulator.Duration(800 * time.Millisecond) })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.run(t, ctx) })
		time.Sleep(200 * time.Millisecond)
		_, err := b.run(t, t.Context())
		var locked *followersync.LockedError
		if !errors.As(err, &locked) || time.Since(locked.By.Since) > time.Minute {
			t.Errorf("%v", err)
		}
		cancel()
		wg.Wait()
	})
}

func TestAQuotaThatDoesNotCoverTheListingIsLeftAlone(t *testing.T) {
	each(t, 2500, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{wechat.UserGetAPI: 2} })
		_, err := b.run(t, t.Context())
		if !errors.Is(err, followersync.ErrQuotaShort) ||
			!strings.Contains(text.English.Error(err, text.NoDoor, nil),
				"listing 2500 followers takes 2 more calls of user/get, and 1 of 2 are left") {
			t.Errorf("%v", err)
		}
		b.sim.MoveClock(24 * time.Hour)
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = nil })
		if s := b.mustRun(t); s.New != 2500 {
			t.Errorf("%+v", s)
		}
	})
}

// A stopped full run goes on behind the pages whose details are stored.
func TestAStoppedFullRunGoesOn(t *testing.T) {
	each(t, 5000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		b.options.Mode = wxcast.SyncFull
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency = simulator.Duration(20 * time.Millisecond) })
		var s followersync.Summary
		for stops := 0; ; stops++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(180+40*stops)*time.Millisecond)
			var err error
			s, err = b.run(t, ctx)
			cancel()
			if err == nil {
				break
			}
			if stops > 60 {
				t.Fatalf("it never ends: %+v %v", s, err)
			}
		}
		if !s.Resumed || s.Listed != 5000 || s.Updated < 5000 {
			t.Errorf("%+v", s)
		}
	})
}

// A store whose second write of followers fails.
type failingStore struct {
	*store.DB
	writes atomic.Int64
}

var errDiskFull = errors.New("disk full")

func (s *failingStore) StoreFollowers(ctx context.Context, run wxcast.SyncRun, told wxcast.Told,
	p wxcast.SyncProgress) (int64, error) {
	if len(told.Followers) > 0 && s.writes.Add(1) == 2 {
		return 0, errDiskFull
	}
	return s.DB.StoreFollowers(ctx, run, told, p)
}

func TestNothingMoreIsFetchedWhenAWriteFails(t *testing.T) {
	each(t, 60_000, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.PageSize = 10_000 })
		_, err := followersync.Run(t.Context(), b.client, &failingStore{DB: b.db}, b.options)
		if !errors.Is(err, errDiskFull) {
			t.Fatalf("%v", err)
		}
		if calls := b.sim.State().Calls[wechat.BatchGetAPI].Calls; calls > 350 {
			t.Errorf("%d of 600 batches were fetched for a store that is full", calls)
		}
		if s := b.mustRun(t); !s.Resumed || b.counts(t).Followers != 60_000 {
			t.Errorf("%+v", s)
		}
	})
}

// What people typed into a remark, or what is no JSON at all, costs nobody else their details:
// the others are stored, and the run ends well.
func TestARemarkThatCannotBeReadHoldsUpNobody(t *testing.T) {
	for name, test := range map[string]struct {
		raw    string
		remark string // as it is stored; "-" for a follower who is not
	}{
		"a control character":              {"a\x01b", "a\uFFFDb"},
		"a NUL by number":                  {`a\u0000b`, "a\uFFFDb"},
		"broken UTF-8":                     {"a\xff", "a\uFFFD"},
		"half a character by number":       {`a\ud800`, "a\uFFFD"},
		"a quote that ends it":             {`a"b`, "-"},
		"an escape that there is not":      {`a\x`, "-"},
		"a remark that is longer than any": {strings.Repeat("长", 1000), strings.Repeat("长", 170)},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, 250, func(t *testing.T, b *bench) {
				odd := []string{}
				for _, n := range []int{7, 120, 121} {
					openid, _ := b.sim.FollowerIDs(n)
					odd = append(odd, openid)
				}
				b.sim.SetKnobs(func(k *simulator.Knobs) {
					k.RawRemarks = map[string]string{odd[0]: test.raw, odd[1]: test.raw, odd[2]: test.raw}
				})
				summary, err := followersync.Run(t.Context(), b.client, b.db, b.options)
				if err != nil {
					t.Fatal(err)
				}
				want := int64(250)
				if test.remark == "-" {
					want -= 3
				}
				if summary.New != want {
					t.Errorf("%d are stored, want %d", summary.New, want)
				}
				if calls := b.sim.CallsTo(wechat.BatchGetAPI); summary.APICalls["user/info/batchget"] != calls {
					t.Errorf("%d calls are counted of %d: those that failed were made, too",
						summary.APICalls["user/info/batchget"], calls)
				}
				for _, openid := range odd {
					person, err := b.db.Person(t.Context(), b.options.AccountID, nil, openid)
					switch {
					case test.remark == "-" && len(person.Followers) > 0:
						t.Errorf("%+v is stored, of whom nothing could be read", person.Followers)
					case test.remark != "-" && (err != nil || person.Followers[0].Remark != test.remark):
						t.Errorf("the remark is %q (%v), want %q", person.Followers[0].Remark, err, test.remark)
					}
				}
			})
		})
	}
}
