package store

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jmoiron/sqlx"
)

// SQLite has one writer. Who waits for it comes before those who wait since later: whoever writes
// again and again, as a broadcast does that gets its recipients, keeps nobody waiting for long.
func TestWhoWaitsToWriteIsNextInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "turn.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, _, err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var order []int
		for n := range 12 {
			all.Go(func() {
				err := db.tx(t.Context(), 0, func(*sqlx.Tx) error {
					time.Sleep(time.Second)
					order = append(order, n)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // until it waits
		}
		all.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("they wrote in the order %v, want that in which they came", order)
		}
	})
}
