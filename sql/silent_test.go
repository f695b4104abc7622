package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A server goes silent, and closes nothing: what waits for it ends with its context, and
// what comes later goes to connections of its own.
func TestASilentPostgresHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	proxy, url := storetest.Proxy(t, storetest.PostgresURL(t))
	db, err := store.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := newWorld(t, db)
	b := w.broadcastTo(t, 20)
	for name, ask := range map[string]func(ctx context.Context) error{
		"a read":  func(ctx context.Context) error { _, err := w.Tally(ctx, b.Ref()); return err },
		"a write": func(ctx context.Context) error { return w.SpendQuota(ctx, w.lane(), wxcast.DayOf(w.Now())) },
		"a transaction": func(ctx context.Context) error {
			_, err := w.TakeSlot(ctx, w.account, w.lane(), 1, 1000, 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, ask(t.Context())) // on a connection that is there already
			proxy.Silence(true)
			defer proxy.Silence(false)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			begun := time.Now()
			err := ask(ctx)
			if took := time.Since(begun); err == nil || took > 5*time.Second {
				t.Errorf("it ended after %v (%v), want an error soon after 300 ms: a worker hangs, and cannot be "+
					"stopped", took, err)
			}
			proxy.Silence(false)
			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := ask(ctx); err != nil {
				t.Errorf("the server is back, and it is not asked: %v", err)
			}
		})
	}
}

// A worker stops inside a transaction, with the account's row locked: the others go on once
// the server has ended it.
func TestAWorkerThatStopsInsideATransactionHoldsOthersUpForSeconds(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	proxy, through := storetest.Proxy(t, url)
	frozen, err := store.Open(t.Context(), through)
	must(t, err)
	t.Cleanup(func() { _ = frozen.Close() })
	db, err := store.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := newWorld(t, db)
	proxy.SilenceAt("INSERT INTO pacing")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = frozen.TakeSlot(ctx, w.account, w.lane(), 60, 1, 0)
	}()
	<-proxy.Silenced()
	begun := time.Now()
	if _, err := w.TakeSlot(t.Context(), w.account, w.lane(), 60, 1, 0); err != nil {
		t.Errorf("the lock was not let go in time: %v", err)
	}
	if took := time.Since(begun); took > 25*time.Second {
		t.Errorf("the others waited %v for a worker that is gone, want some 10 s", took)
	}
	cancel()
	<-ended
}
