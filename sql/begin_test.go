package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Of processes that look at once, one begins each broadcast.
func TestOneProcessBeginsEachBroadcast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const many, each = 40, 7
		w := newWorld(t, db)
		later := w.Now().Add(time.Hour)
		for i := range many {
			w.add(t, fmt.Sprint("new ", i), wxcast.Audience{})
		}
		scheduled := func(name string, at time.Time) {
			t.Helper()
			_, _, err := w.AddBroadcast(t.Context(), wxcast.Broadcast{AccountID: w.account, MiniID: w.mini,
				Channels: w.channels(), Name: name, ContentHash: "h", MessageKey: name, Rate: 1,
				State: wxcast.BroadcastScheduled, ResumeAt: at})
			must(t, err)
		}
		scheduled("due", w.Now().Add(-time.Second))
		scheduled("later", later)
		var mu sync.Mutex
		begun := map[string]int{}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					some, err := w.BeginBroadcasts(t.Context(), w.account, each)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, b := range some {
						begun[b.Name]++
						if b.State != wxcast.BroadcastRunning || b.WorkedAt.IsZero() {
							t.Errorf("%s is %s and was last at work %v, want it running since now", b.Name, b.State,
								b.WorkedAt)
						}
					}
					mu.Unlock()
					if len(some) == 0 {
						return
					}
				}
			})
		}
		all.Wait()
		for name, n := range begun {
			if n != 1 {
				t.Errorf("%s was begun %d times, want once: each costs the store as much as its messages", name, n)
			}
		}
		if len(begun) != many+1 || begun["due"] != 1 {
			t.Errorf("%d were begun, want the %d that run and the one that is due", len(begun), many)
		}

		// One that goes on is new again.
		b, err := w.BroadcastsByName(t.Context(), w.account, "due")
		must(t, err)
		for _, m := range []wxcast.Move{{From: wxcast.BroadcastRunning, To: wxcast.BroadcastPaused},
			{From: wxcast.BroadcastPaused, To: wxcast.BroadcastRunning}} {
			if moved, err := w.MoveBroadcast(t.Context(), b[0].Ref(), m); err != nil || !moved {
				t.Fatal(moved, err)
			}
		}
		again, err := w.BeginBroadcasts(t.Context(), w.account, each)
		must(t, err)
		if len(again) != 1 || again[0].ID != b[0].ID {
			t.Errorf("after it was resumed %v are begun, want broadcast %d", again, b[0].ID)
		}
	})
}

// A small broadcast ends with its last outcome, and no claim is asked for that.
func TestASmallBroadcastEndsWithItsLastOutcome(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 5)
		first := w.claim(t, b, "w", 3, time.Minute)
		second := w.claim(t, b, "w", 3, time.Minute)
		if len(first.Fresh) != 3 || len(second.Fresh) != 2 || first.Last || !second.Last {
			t.Fatalf("claims of %d (the last: %v) and %d (%v), want 3 and the last 2", len(first.Fresh), first.Last,
				len(second.Fresh), second.Last)
		}
		record := func(c wxcast.Claim, state wxcast.DeliveryState, next time.Time) (over bool) {
			t.Helper()
			r := wxcast.Recording{Broadcast: b.Ref(), Worker: "w", Channel: anyChannel, Lane: w.lane(),
				DoneLeases: []int64{c.LeaseID}, MayEnd: true}
			for i, d := range c.Fresh {
				r.Outcomes = append(r.Outcomes, wxcast.Outcome{Recipient: d.Recipient, State: state,
					AttemptedAt: w.Now(), MsgID: int64(1 + i), NextAttemptAt: next,
					Hold: wxcast.Hold{LeaseID: c.LeaseID}})
			}
			over, err := w.RecordOutcomes(t.Context(), r)
			must(t, err)
			return over
		}
		if record(second, wxcast.DeliveryPending, w.Now().Add(time.Second)) {
			t.Error("it is over while some are to be tried again")
		}
		if record(first, wxcast.DeliverySent, time.Time{}) {
			t.Error("it is over while some are to be tried again")
		}
		w.PretendLater(2 * time.Second)
		again := w.claim(t, b, "w", 3, time.Minute)
		again.Fresh = again.Retries
		if len(again.Fresh) != 2 {
			t.Fatalf("%d are tried again, want 2", len(again.Fresh))
		}
		if !record(again, wxcast.DeliverySent, time.Time{}) {
			t.Error("its last outcome was written, and it goes on")
		}
		after, err := w.Broadcast(t.Context(), b.Ref())
		must(t, err)
		if after.State != wxcast.BroadcastDone || after.FinishedAt.IsZero() {
			t.Errorf("it is %s and ended %v, want it done now", after.State, after.FinishedAt)
		}
		if sent := w.tally(t, b).Sent; sent != 5 {
			t.Errorf("%d were sent, want 5", sent)
		}

		// One that somebody has cancelled meanwhile stays so.
		b = w.next(t, b, "cancelled", "TPL_ID")
		c := w.claim(t, b, "w", 10, time.Minute)
		if moved, err := w.MoveBroadcast(t.Context(), b.Ref(),
			wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastCancelled}); err != nil || !moved {
			t.Fatal(moved, err)
		}
		if record(c, wxcast.DeliverySent, time.Time{}) {
			t.Error("a cancelled broadcast is done with its last outcome")
		}

		// A large one is not looked through.
		w.follow(t, 300)
		b = w.add(t, "large", wxcast.Audience{})
		w.fix(t, b)
		for {
			c := w.claim(t, b, "w", 150, time.Minute)
			if len(c.Fresh) == 0 {
				break
			}
			if c.Last || record(c, wxcast.DeliverySent, time.Time{}) {
				t.Error("a large broadcast is looked through with its last outcome")
			}
		}
	})
}

// Where what is tried again fills a claim, it is not the last: others are still to be claimed.
func TestAClaimFullOfRetriesIsNotTheLast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 5)
		c := w.claim(t, b, "w", 2, time.Minute)
		var later []wxcast.Outcome
		for _, d := range c.Fresh {
			later = append(later, wxcast.Outcome{Recipient: d.Recipient, State: wxcast.DeliveryPending,
				AttemptedAt: w.Now(), NextAttemptAt: w.Now(), Hold: wxcast.Hold{LeaseID: c.LeaseID}})
		}
		must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
			Lane: w.lane(), Outcomes: later, DoneLeases: []int64{c.LeaseID}}))
		w.PretendLater(time.Second)
		// There is room for five, and for two of them today.
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000, Used: 998})
		if c = w.claim(t, b, "w", 5, time.Minute); len(c.Retries) != 2 || len(c.Fresh) != 0 || c.Last {
			t.Errorf("%d tried again, %d new, the last: %v; want 2, none, and three to come", len(c.Retries),
				len(c.Fresh), c.Last)
		}
	})
}
