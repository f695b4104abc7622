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

// Who is being tried again by an older broadcast gets the newer one's message later, and not much later:
// that is asked again soon. Nobody waits for what is stopped or over, for what is less urgent, has not
// been at work for long, or is not being tried again.
func TestWhoIsWaitedFor(t *testing.T) {
	due := row{due: time.Hour, since: -time.Second}
	move := func(to wxcast.BroadcastState) func(*testing.T, world, wxcast.Broadcast) {
		return func(t *testing.T, w world, older wxcast.Broadcast) {
			_, err := w.MoveBroadcast(t.Context(), older.Ref(), wxcast.Move{From: wxcast.BroadcastRunning, To: to})
			must(t, err)
		}
	}
	for name, test := range map[string]struct {
		row   row
		then  func(t *testing.T, w world, older wxcast.Broadcast)
		waits bool
	}{
		"tried again":      {due, func(*testing.T, world, wxcast.Broadcast) {}, true},
		"paused":           {due, move(wxcast.BroadcastPaused), false},
		"cancelled":        {due, move(wxcast.BroadcastCancelled), false},
		"has an end":       {row{state: wxcast.DeliveryUnknown, since: -time.Second}, move(wxcast.BroadcastRunning), false},
		"is over, and due": {row{state: wxcast.DeliveryUnknown, due: time.Hour}, move(wxcast.BroadcastRunning), false},
		"in hand":          {row{since: -time.Second}, move(wxcast.BroadcastRunning), false},
		"less urgent": {due, func(t *testing.T, w world, older wxcast.Broadcast) {
			w.rate(t, older, 1e6, -5)
		}, false},
		"not at work for long": {due, func(t *testing.T, w world, _ wxcast.Broadcast) { w.PretendLater(10 * time.Minute) },
			false},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				older := w.broadcastTo(t, 1)
				if c := w.claim(t, older, "w", 1, time.Hour); len(c.Fresh) != 1 {
					t.Fatalf("%+v", c)
				}
				working := w.add(t, "at work", bridged(w.mini)) // for which there is anything to look for
				w.fix(t, working)
				newer := w.add(t, "newer", bridged(w.mini))
				w.fix(t, newer)
				w.put(t, older, map[int]row{1: test.row})
				test.then(t, w, older)
				w.claim(t, working, "w", 0, time.Hour)
				c := w.claim(t, newer, "w", 1, time.Hour)
				if test.waits {
					rest := c.NextDue.Sub(w.Now())
					if c = w.claim(t, newer, "w", 1, time.Hour); rest <= 0 {
						rest = c.NextDue.Sub(w.Now())
					}
					if len(c.Fresh)+len(c.Retries) > 0 || rest <= 0 || rest > 4*time.Second {
						t.Errorf("%+v: due in %v, want nobody, and to ask again within four seconds", c, rest)
					}
				} else if len(c.Fresh) != 1 {
					t.Errorf("%+v, want the newer message", c)
				}
			})
		})
	}
}
