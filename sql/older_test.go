package store_test

import (
	"slices"
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

// A claim that may hold one message looks at all who wait for an older one, and then gives the first
// who does not; those who wait are put off together, however few a claim may hold.
func TestAClaimForOneLooksAtAllWhoWait(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		older := w.broadcastTo(t, 42)
		c := w.claim(t, older, "w", 42, time.Minute)
		var outcomes []wxcast.Outcome
		for i, d := range c.Fresh {
			o := wxcast.Outcome{Recipient: d.Recipient, Hold: wxcast.Hold{LeaseID: c.LeaseID}, AttemptedAt: w.Now(),
				State: wxcast.DeliveryPending, ErrCode: -1, NextAttemptAt: w.Now().Add(time.Minute)}
			if i >= 40 {
				o.State, o.ErrCode, o.MsgID, o.NextAttemptAt = wxcast.DeliverySent, 0, int64(i), time.Time{}
			}
			outcomes = append(outcomes, o)
		}
		w.ends(t, older, anyChannel, c.LeaseID, outcomes...)
		newer := w.add(t, "newer", bridged(w.mini))
		w.fix(t, newer)
		for _, want := range []struct {
			later   time.Duration
			fresh   []wxcast.Recipient
			skipped int
		}{
			{0, []wxcast.Recipient{"o000041"}, 40},
			{0, []wxcast.Recipient{"o000042"}, 0},
			{5 * time.Second, nil, 40}, // they are due, and wait as before
		} {
			w.PretendLater(want.later)
			c := w.claim(t, newer, "w", 1, time.Minute)
			if !slices.Equal(ids(c.Fresh), want.fresh) || len(c.Retries) > 0 || c.Skipped != want.skipped {
				t.Errorf("%v later: %v, %v again and %d who wait, want %v and %d", want.later, ids(c.Fresh),
					ids(c.Retries), c.Skipped, want.fresh, want.skipped)
			}
		}
		if c := w.claim(t, newer, "w", 1, time.Minute); c.Advanced || c.NextDue.Sub(w.Now()) < 100*time.Millisecond {
			t.Errorf("%+v: it is due at %v, want a rest", c, c.NextDue.Sub(w.Now()))
		}
	})
}

// Those who wait for an older message, each since another moment, are due together: to look whether they
// still wait costs a claim twice a second, and not one for each of them.
func TestThoseWhoWaitAreDueTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const people = 30
		w := newWorld(t, db)
		older := w.broadcastTo(t, people)
		c := w.claim(t, older, "w", people, time.Minute)
		var outcomes []wxcast.Outcome
		for i, d := range c.Fresh {
			outcomes = append(outcomes, wxcast.Outcome{Recipient: d.Recipient, Hold: wxcast.Hold{LeaseID: c.LeaseID},
				AttemptedAt: w.Now(), State: wxcast.DeliveryPending, ErrCode: -1,
				NextAttemptAt: w.Now().Add(time.Duration(i) * 37 * time.Millisecond)})
		}
		w.ends(t, older, anyChannel, c.LeaseID, outcomes...)
		newer := w.add(t, "newer", bridged(w.mini))
		w.fix(t, newer)
		claims := 0
		for until := w.Now().Add(4 * time.Second); w.Now().Before(until); claims++ {
			c := w.claim(t, newer, "w", people, time.Minute)
			if len(c.Fresh)+len(c.Retries) > 0 {
				t.Fatalf("%+v leave before the older ones", c)
			}
			if rest := c.NextDue.Sub(w.Now()); !c.Advanced && rest > 0 {
				w.PretendLater(rest)
			}
		}
		if claims > 24 { // some find nobody, and ask when the next is due
			t.Errorf("%d claims in 4 s for %d people who wait, want some two a second", claims, people)
		}
	})
}
