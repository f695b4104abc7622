package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A COMMIT waits for a synchronous standby that is gone. Postgres lets it go when it is asked to
// cancel, and says that all is well: the primary alone has it then.
func TestWhatTheStandbyDoesNotHaveIsNotConfirmed(t *testing.T) {
	t.Parallel()
	pair := storetest.Pair(t)
	db, err := store.Open(t.Context(), pair.URL)
	must(t, err)
	defer db.Close()
	_, _, err = db.Migrate(t.Context())
	must(t, err)
	w := newWorld(t, db)
	must(t, pair.Detach(t.Context()))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var streams int
		must(t, raw(t, pair.PrimaryURL()).Get(&streams, "SELECT count(*) FROM pg_stat_replication"))
		if streams == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the standby is still there")
		}
	}
	for name, write := range map[string]func(context.Context) error{
		"a transaction": func(ctx context.Context) error {
			_, _, err := db.AddOptOuts(ctx, w.account, []string{"o"}, "test")
			return err
		},
		"a statement": func(ctx context.Context) error {
			_, _, err := db.TryLock(ctx, "sync", "w", time.Minute)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		begun := time.Now()
		if err := write(ctx); err == nil {
			t.Errorf("%s: all is well, as it says, and a standby that takes over knows nothing of it", name)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %v to give up after a second", name, took)
		}
		cancel()
	}
	var cancelled int
	must(t, raw(t, pair.PrimaryURL()).Get(&cancelled, "SELECT count(*) FROM optouts"))
	if cancelled != 0 {
		t.Error("the wait was cancelled: others see what a standby that takes over would not")
	}
	t.Run("cancelled by an administrator", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, _, err := db.AddOptOuts(ctx, w.account, []string{"other"}, "test")
			ended <- err
		}()
		for {
			var cancelled int
			must(t, raw(t, pair.PrimaryURL()).Get(&cancelled, `SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
				WHERE query LIKE 'COMMIT%' AND wait_event = 'SyncRep'`))
			select {
			case err := <-ended:
				if err == nil {
					t.Error("all is well, as it says, and a standby that takes over knows nothing of it")
				}
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	must(t, pair.Failover(t.Context()))
	var there int
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		err := raw(t, pair.StandbyURL()).Get(&there, "SELECT count(*) FROM optouts")
		if err == nil {
			break
		}
		if time.Now().After(deadline) || !strings.Contains(err.Error(), "starting") {
			t.Fatal(err)
		}
	}
	if there != 0 {
		t.Errorf("%d on the standby: the test tried nothing", there)
	}
}
