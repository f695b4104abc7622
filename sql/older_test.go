package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestWhoWaitsForAnOlderMessageIsNotAskedForInACircle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		older := w.broadcastTo(t, 3)
		w.claim(t, older, "dead", 3, time.Millisecond)
		w.PretendLater(5 * time.Millisecond)
		w.claim(t, older, "w", 1, time.Minute)                      // the other two are due from now on, and nobody takes them
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000}) // it is in doubt after a death
		newer := w.add(t, "newer", bridged(w.mini))
		w.fix(t, newer)
		w.PretendLater(3 * time.Second)
		for range 3 { // those who are due, those whom nobody has tried yet, and none
			w.claim(t, newer, "w", 3, time.Minute)
		}
		c := w.claim(t, newer, "w", 3, time.Minute)
		if len(c.Fresh)+len(c.Retries) > 0 || c.Advanced || c.NextDue.Sub(w.Now()) < 100*time.Millisecond {
			t.Errorf("%+v: it is due at %v, want it to wait for the older messages without asking at once again",
				c, c.NextDue.Sub(w.Now()))
		}
	})
}
