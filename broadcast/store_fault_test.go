package broadcast_test

import (
	"context"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// throughProxy runs a test on a Postgres behind a network that the test disturbs.
func throughProxy(t *testing.T, followers int, test func(t *testing.T, b *bench, proxy *pgserver.Proxy)) {
	t.Parallel()
	proxy, url := storetest.Proxy(t, storetest.PostgresURL(t))
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b := newBench(t, db, simulator.Options{Followers: followers, Seed: 17,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.options.Rate = 500
	test(t, b, proxy)
}

func TestALostAnswerToACommitChangesNothing(t *testing.T) {
	throughProxy(t, 3000, func(t *testing.T, b *bench, proxy *pgserver.Proxy) {
		proxy.LoseAnswers("COMMIT", 1000, 5)
		job, err := b.run(t, t.Context(), "lost")
		if err != nil || job.State != wxcast.BroadcastDone {
			t.Fatalf("%+v %v, want it done: a lease that nobody holds keeps a broadcast from its end", job, err)
		}
		if proxy.Lost() < 5 {
			t.Errorf("%d answers were lost: the test shows nothing", proxy.Lost())
		}
		b.agrees(t, job.ID, 3000)
		if tally := b.tally(t, job.ID); tally.Sent != 3000 {
			t.Errorf("%+v, want all sent: what nobody sent is not in doubt", tally)
		}
		if state := b.sim.State(); state.Deduplicated != 0 {
			t.Errorf("%d messages were tried again, want none: no worker has died", state.Deduplicated)
		}
	})
}

func TestASilentStoreIsLeftForAnotherConnection(t *testing.T) {
	throughProxy(t, 4000, func(t *testing.T, b *bench, proxy *pgserver.Proxy) {
		quiet := time.AfterFunc(2*time.Second, func() {
			proxy.Silence(true)
			time.AfterFunc(3*time.Second, func() { proxy.Silence(false) }) // for new connections
		})
		defer quiet.Stop()
		job, err := b.run(t, t.Context(), "silent")
		if err != nil || job.State != wxcast.BroadcastDone {
			t.Fatalf("%+v %v, want it done: the store is back, at new connections", job, err)
		}
		b.agrees(t, job.ID, 4000)
	})
}

func TestAStopEndsWhateverTheStoreDoes(t *testing.T) {
	throughProxy(t, 3000, func(t *testing.T, b *bench, proxy *pgserver.Proxy) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var stopped time.Time
		halt := time.AfterFunc(2*time.Second, func() {
			proxy.Silence(true)
			stopped = time.Now()
			stop()
		})
		defer halt.Stop()
		_, err := b.run(t, ctx, "stopped")
		if took := time.Since(stopped); err == nil || took > 10*time.Second {
			t.Errorf("it ended %v after the stop (%v), want 10 s at most: an operator kills what does not stop", took,
				err)
		}
	})
}
