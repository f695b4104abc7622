package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A copy that is made while the store is in use is whole, is its owner's alone, and sends nothing
// by itself: it does not know what was sent since.
func TestABackupIsWholeAndSendsNothingByItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 50)
		c := w.claim(t, b, "w", 20, time.Minute)
		file := filepath.Join(t.TempDir(), "copy.db")
		var bad *wxcast.BadInput
		if db.Engine() == store.Postgres {
			if _, err := db.Backup(t.Context(), file); !errors.As(err, &bad) {
				t.Errorf("%v: want bad input, that Postgres has its own tools", err)
			}
			return
		}
		writing, stop := context.WithCancel(t.Context())
		wrote := make(chan error, 1)
		go func() { // callbacks come meanwhile
			for writing.Err() == nil {
				if _, _, err := w.AddOptOuts(t.Context(), w.account, []string{string(openid(7))}, "message"); err != nil {
					wrote <- err
					return
				}
			}
			wrote <- nil
		}()
		bytes, err := db.Backup(t.Context(), file)
		stop()
		must(t, <-wrote)
		info, statErr := os.Stat(file)
		if err != nil || statErr != nil || info.Size() != bytes || bytes < 4096 || info.Mode().Perm() != 0o600 {
			t.Fatalf("%d bytes, %v (%v, %v): want a file that its owner alone can read", bytes, info, err, statErr)
		}
		if _, err := db.Backup(t.Context(), file); !errors.As(err, &bad) {
			t.Errorf("%v: want bad input, that the file is there", err)
		}
		if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
			Lane: w.lane(), Outcomes: []wxcast.Outcome{{Recipient: c.Fresh[0].Recipient, State: wxcast.DeliverySent,
				MsgID: 7, AttemptedAt: w.Now()}}})) // the store itself goes on

		restored, err := store.Open(t.Context(), "sqlite://"+file)
		must(t, err)
		defer restored.Close()
		must(t, restored.CheckSchema(t.Context()))
		of, err := restored.Broadcast(t.Context(), b.Ref())
		if err != nil || of.State != wxcast.BroadcastPaused || of.Reason.Code != "pause.from_backup" {
			t.Errorf("in the copy it is %s, %+v (%v): want paused, with why", of.State, of.Reason, err)
		}
		if tally, err := restored.Tally(t.Context(), b.Ref()); err != nil || tally.Recipients != 50 || tally.Sent != 0 {
			t.Errorf("%+v (%v): want the counts of the moment", tally, err)
		}
		got, err := restored.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
			Worker: "v", Max: 10, Span: time.Hour, LeaseTTL: time.Minute})
		if err != nil || len(got.Fresh)+len(got.Retries) > 0 {
			t.Errorf("the copy sends %d by itself (%v)", len(got.Fresh)+len(got.Retries), err)
		}
		if of, err := db.Broadcast(t.Context(), b.Ref()); err != nil || of.State != wxcast.BroadcastRunning {
			t.Errorf("the store itself: %s (%v), want running", of.State, err)
		}
	})
}
