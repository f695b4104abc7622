package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// paced claims at most n deliveries that fit into a second, up to a second ahead.
func (w world) paced(t testing.TB, b wxcast.Broadcast, worker string, n int) wxcast.Claim {
	t.Helper()
	c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
		Worker: worker, Max: n, Span: time.Second, Ahead: time.Second, LeaseTTL: 8 * time.Second})
	must(t, err)
	return c
}

func (w world) rate(t testing.TB, b wxcast.Broadcast, rate float64, priority int) {
	t.Helper()
	must(t, w.SetRate(t.Context(), b.Ref(), rate, priority))
}

func TestSlotsOfOneBroadcastFollowEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		w.rate(t, b, 4, 0)
		var end time.Time
		for i := range 4 {
			c := w.paced(t, b, fmt.Sprint(i), 2)
			if !end.IsZero() && !c.Slot.Start.Equal(end) {
				t.Errorf("slot %d begins at %v, the one before ends at %v", i, c.Slot.Start, end)
			}
			if end = c.Slot.Start.Add(500 * time.Millisecond); !end.Equal(c.Slot.End) {
				t.Errorf("slot %d ends at %v, want half a second for two messages at 4 a second", i, c.Slot.End)
			}
			if i == 2 { // the time is taken for more than a second from now: the next comes too early
				early := w.paced(t, b, "early", 2)
				wait := early.NextDue.Sub(w.Now())
				if len(early.Fresh) != 0 || wait <= 0 || wait > time.Second {
					t.Errorf("claimed %d, to ask again in %v; want none, and within a second", len(early.Fresh), wait)
				}
				w.PretendLater(time.Second)
			}
		}
	})
}

// A rate that a person sets holds for the next message, however long the last one's slot was.
func TestANewRateDoesNotWaitForTheOldOnesSlot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		w.rate(t, b, 0.01, 0)
		if c := w.paced(t, b, "w", 5); len(c.Fresh) != 1 {
			t.Fatalf("claimed %d", len(c.Fresh))
		}
		if c := w.paced(t, b, "w", 5); len(c.Fresh) != 0 || c.NextDue.Sub(w.Now()) < 90*time.Second {
			t.Fatalf("claimed %d at once at one message in 100 seconds; again in %v", len(c.Fresh),
				c.NextDue.Sub(w.Now()))
		}
		w.rate(t, b, 5, 0)
		c := w.paced(t, b, "w", 5)
		if wait := c.Slot.Start.Sub(w.Now()); len(c.Fresh) != 5 || wait > time.Second {
			t.Errorf("claimed %d, to leave in %v: a new rate holds within a second", len(c.Fresh), wait)
		}
	})
}

// A slow broadcast takes its few messages' time, and leaves the rest to a fast one.
func TestASlowBroadcastLeavesTheTimeToAFastOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		slow := w.broadcastTo(t, 300)
		fast := w.add(t, "fast", bridged(w.mini))
		w.fix(t, fast)
		w.rate(t, slow, 2, 0)
		w.rate(t, fast, 100, 0)
		begin := w.Now()
		sent := map[int64]int{}
		for sent[fast.ID] < 250 { // 25 ms and more each
			for _, b := range []wxcast.Broadcast{slow, fast} {
				c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
					Worker: "w", Max: 100, Span: 100 * time.Millisecond, Ahead: 100 * time.Millisecond,
					LeaseTTL: 8 * time.Second})
				must(t, err)
				for range c.Fresh {
					sent[b.ID]++
				}
				w.record(t, b, "w", wxcast.DeliverySent, append(c.Fresh, c.Retries...), c.LeaseID)
			}
			w.PretendLater(25 * time.Millisecond)
		}
		took := w.Now().Sub(begin).Seconds()
		if n := float64(sent[slow.ID]) / took; n < 1 || n > 2.6 {
			t.Errorf("%.1f a second of the slow one, want 2", n)
		}
		if n := float64(sent[fast.ID]) / took; n < 35 || n > 110 {
			// A busy machine loses some of its slots; kept waiting it would get two.
			t.Errorf("%.1f a second of the fast one, want nearly 98", n)
		}
	})
}

// What comes first by its priority comes first where it is late, and only there.
func TestPriorityIsStrictWhereTheRateIsShort(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		urgent := w.broadcastTo(t, 20)
		other := w.add(t, "other", bridged(w.mini))
		w.fix(t, other)
		w.rate(t, urgent, 2, 10)
		w.rate(t, other, 50, 0)
		c := w.paced(t, urgent, "w", 2)
		if len(c.Fresh) != 2 {
			t.Fatalf("claimed %d", len(c.Fresh))
		}
		w.record(t, urgent, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
		if c := w.paced(t, other, "w", 5); len(c.Fresh) != 5 {
			t.Errorf("claimed %d beside an urgent one that has all its rate allows (behind %d)", len(c.Fresh), c.Behind)
		}
		w.PretendLater(1500 * time.Millisecond)
		if c := w.paced(t, other, "w", 5); len(c.Fresh) != 0 || c.Behind != urgent.ID {
			t.Errorf("claimed %d while the urgent one is late (behind %d)", len(c.Fresh), c.Behind)
		}
	})
}

// The row of a lane's time believes no clock that is far ahead: it would stop everybody for
// as long.
func TestASlotFarAheadIsNotBelieved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		w.rate(t, b, 10, 0)
		w.Skew(2 * time.Minute)
		if c := w.paced(t, b, "w", 2); len(c.Fresh) != 2 {
			t.Fatalf("claimed %d", len(c.Fresh))
		}
		w.Skew(-2 * time.Minute)
		c := w.paced(t, b, "w", 2)
		if wait := c.Slot.Start.Sub(w.Now()); len(c.Fresh) != 2 || wait > 1100*time.Millisecond {
			t.Errorf("claimed %d, to leave in %v", len(c.Fresh), wait)
		}
		if c.NotBelieved < 100*time.Second || c.ClockBack < 100*time.Second {
			t.Errorf("told %v ahead and %v back, want both to be 2 minutes", c.NotBelieved, c.ClockBack)
		}
	})
}

// A store's clock that jumps ahead makes nobody's lease lapse while its worker lives, and one
// that goes back repeats nothing of which it is not known how long ago it was.
func TestLeasesOutliveAClockThatJumps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		alive := w.claim(t, b, "alive", 4, 8*time.Second)
		w.claim(t, b, "dead", 3, 8*time.Second)
		w.Skew(11 * time.Minute)
		if c := w.claim(t, b, "next", 2, 8*time.Second); c.TakenOver != 0 || len(c.Retries) != 0 {
			t.Errorf("took over %d leases by a clock that has just jumped", c.TakenOver)
		}
		renewed, err := w.RenewLeases(t.Context(), w.account, "alive", []int64{alive.LeaseID}, 8*time.Second)
		must(t, err)
		if len(renewed) != 1 {
			t.Error("the living worker's lease is lost")
		}
		w.Skew(-11 * time.Minute)
		if c := w.claim(t, b, "next", 2, 8*time.Second); c.ClockBack < 10*time.Minute || c.TakenOver != 0 {
			t.Errorf("%v back, took over %d", c.ClockBack, c.TakenOver)
		}
		// The living one goes on; what the dead one held is nobody's in one lease's length, and
		// in doubt for longer than any window.
		w.PretendLater(5 * time.Second)
		_, err = w.RenewLeases(t.Context(), w.account, "alive", []int64{alive.LeaseID}, 8*time.Second)
		must(t, err)
		w.PretendSteady()
		w.PretendLater(5 * time.Second)
		c := w.claim(t, b, "next", 20, 8*time.Second)
		if c.TakenOver == 0 {
			t.Fatalf("the dead one's lease lives on: %+v", c)
		}
		for _, d := range c.Retries {
			if w.Now().Sub(d.OpenSince) < 24*time.Hour {
				t.Errorf("%s is in doubt since %v: nobody knows that", d.Recipient, d.OpenSince)
			}
			for _, held := range alive.Fresh {
				if held.Recipient == d.Recipient {
					t.Errorf("%s is the living worker's", d.Recipient)
				}
			}
		}
	})
}

// The rate is that of the broadcasts that run in the lane: what waits, is over, or goes by another API or
// another app has its own.
func TestTheRateIsOfWhatRunsInTheLane(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		w.rate(t, b, 4, 0)
		for i, lane := range []wxcast.Lane{w.lane(), w.lane(), {AppID: w.account, API: "/other/send"},
			{AppID: w.mini, API: sendAPI}} {
			faster := w.add(t, fmt.Sprint("faster ", i), bridged(w.mini), wxcast.BroadcastChannel{Name: "any", Lane: lane,
				TemplateID: "T"})
			w.fix(t, faster)
			w.rate(t, faster, 1000, 0)
			if i < 2 {
				_, err := w.MoveBroadcast(t.Context(), faster.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
					To: []wxcast.BroadcastState{wxcast.BroadcastPaused, wxcast.BroadcastDone}[i]})
				must(t, err)
			}
		}
		beside := w.add(t, "beside", bridged(w.mini))
		w.fix(t, beside)
		w.rate(t, beside, 4, 0)
		one, two := w.paced(t, b, "w", 2), w.paced(t, beside, "w", 1)
		if after := two.Slot.Start.Sub(one.Slot.Start); len(one.Fresh) != 2 || len(two.Fresh) != 1 ||
			after != 500*time.Millisecond {
			t.Errorf("%d, and %v later %d; want two, and half a second later one", len(one.Fresh), after, len(two.Fresh))
		}
	})
}
