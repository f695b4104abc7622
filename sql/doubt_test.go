package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A worker died while its broadcast was stopped: what it had claimed may never have left. It
// is not sent to those people after the stop; when WeChat may have forgotten them, they are
// unknown, and one that was cancelled is over.
func TestADeadWorkersClaimEndsAsUnknownAfterAStop(t *testing.T) {
	for _, stop := range []wxcast.BroadcastState{wxcast.BroadcastPaused, wxcast.BroadcastCancelled} {
		t.Run(string(stop), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				const window = 9 * time.Minute
				w := newWorld(t, db)
				b := w.broadcastTo(t, 10)
				c := w.claim(t, b, "dead", 4, time.Millisecond)
				w.record(t, b, "dead", wxcast.DeliverySent, c.Fresh[:1])
				_, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning, To: stop})
				must(t, err)
				w.PretendLater(time.Second)
				must(t, w.CloseDoubts(t.Context(), b.Ref(), anyChannel, w.lane(), window))
				w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
				through, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
					Worker: "w", Max: 10, Span: time.Second, LeaseTTL: time.Minute, Through: window})
				must(t, err)
				if len(through.Retries)+len(through.Fresh) > 0 || !through.Exhausted {
					t.Fatalf("%+v was given away: it may never have been tried", through)
				}
				if got := w.tally(t, b); got.Pending != 9 || got.Unknown != 0 {
					t.Errorf("%+v while WeChat still knows: want all but one pending", got)
				}
				in, err := w.BroadcastsInDoubt(t.Context(), w.account)
				must(t, err)
				if len(in) != 1 || !in[0].FinishedAt.IsZero() {
					t.Errorf("in doubt: %+v", in)
				}
				w.PretendLater(window)
				must(t, w.CloseDoubts(t.Context(), b.Ref(), anyChannel, w.lane(), window))
				if got := w.tally(t, b); got.Pending != 6 || got.Unknown != 3 {
					t.Errorf("%+v when the window was over: want three unknown, six that were never sent to", got)
				}
				over, err := w.Broadcast(t.Context(), b.Ref())
				must(t, err)
				if over.FinishedAt.IsZero() != (stop == wxcast.BroadcastPaused) {
					t.Errorf("a broadcast that is %s is finished at %v", stop, over.FinishedAt)
				}
				if in, err = w.BroadcastsInDoubt(t.Context(), w.account); err != nil || len(in) != 0 {
					t.Errorf("still in doubt: %+v %v", in, err)
				}
			})
		})
	}
}

// Of a day's quota less is left than messages are in doubt, to people whose receipts seem to have come:
// they are put off again and again. When it is too late to try them again they have their end, and the
// broadcast is over. Where a repeat was asked for, whatever it costs, they wait for their quota.
func TestWhatIsTooLateToTryAgainWaitsForNoQuota(t *testing.T) {
	const window = 9 * time.Minute
	for _, test := range []struct {
		name    string
		left    int64 // of the quota
		repeats time.Duration
		unknown int64
	}{
		{"some quota is left", 2, window, 3},
		{"no quota is left", 0, window, 3},
		{"a repeat is asked for", 2, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				b := w.broadcastTo(t, 3)
				c := w.claim(t, b, "dead", 3, time.Millisecond)
				var receipts []wxcast.Receipt // of others' messages, as far as we know
				for i, d := range c.Fresh {
					receipts = append(receipts, wxcast.Receipt{OpenID: d.OpenID, MsgID: int64(100 + i),
						Status: "success", At: w.Now()})
				}
				must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), receipts))
				claim := func() wxcast.Claim {
					c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel,
						Lane: w.lane(), Worker: "w", Max: 10, Span: time.Hour, Ahead: time.Hour, LeaseTTL: time.Minute,
						Repeats: test.repeats})
					must(t, err)
					return c
				}
				w.PretendLater(time.Second)
				claim() // takes over, and wants to know what the dead one has used
				w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 100, Used: 100 - test.left})
				if c = claim(); len(c.Retries) > 0 || c.Unknown > 0 || c.Exhausted {
					t.Fatalf("%+v while WeChat takes a repeat for the same, want it to wait", c)
				}
				w.PretendLater(window)
				c = claim()
				if got := w.tally(t, b); int64(c.Unknown) != test.unknown || got.Unknown != test.unknown {
					t.Errorf("%d ended, %+v: want %d unknown", c.Unknown, got, test.unknown)
				}
				if c.Exhausted != (test.unknown > 0) || len(c.Retries) > 0 {
					t.Errorf("%+v when it was too late", c)
				}
			})
		})
	}
}

// By a channel that takes no repeat for the same, what is in doubt is never tried again: it has its end
// as soon as it is found, and no receipt is waited for, however little quota is left.
func TestWhatIsNeverTriedAgainWaitsForNoReceipt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1, "m000002": 1})
		b := w.by(t, "b", consent)
		dead := w.take(t, b, consent, "dead", time.Second)
		var keys []wxcast.DeliveryKey
		var receipts []wxcast.Receipt
		for i, d := range dead.Fresh {
			keys = append(keys, d.Key())
			receipts = append(receipts, wxcast.Receipt{OpenID: d.OpenID, MsgID: int64(100 + i), Status: "success",
				At: w.Now()})
		}
		_, err := w.HandOver(t.Context(), b.Ref(), consent, keys)
		must(t, err)
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), receipts))
		w.PretendLater(2 * time.Second)
		w.take(t, b, consent, "w", time.Minute) // takes over, and wants to know what the dead one has used
		w.toldOf(t, consent.Lane(b), wxcast.Quota{Limit: 100, Used: 99})
		if c := w.take(t, b, consent, "w", time.Minute); len(dead.Fresh) != 2 || len(c.Retries) != 1 {
			t.Errorf("%d were in doubt; %+v, want as many as quota is left for", len(dead.Fresh), c)
		}
	})
}

// What is left of the quota goes to those in doubt of whom no receipt has come, and the rest of it to
// people whom nobody has tried: it is not kept for those who seem to have their message.
func TestQuotaIsLeftOverForDoubtsAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 7)
		dead := w.claim(t, b, "dead", 4, time.Millisecond)
		var receipts []wxcast.Receipt
		for i, d := range dead.Fresh[:3] {
			receipts = append(receipts, wxcast.Receipt{OpenID: d.OpenID, MsgID: int64(100 + i), Status: "success",
				At: w.Now()})
		}
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), receipts))
		w.PretendLater(time.Second)
		w.claim(t, b, "w", 1, time.Minute) // takes over, and wants to know what the dead one has used
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 100, Used: 97})
		c := w.claim(t, b, "w", 10, time.Minute)
		if !slices.Equal(ids(c.Retries), []wxcast.Recipient{"o000004"}) ||
			!slices.Equal(ids(c.Fresh), []wxcast.Recipient{"o000005", "o000006"}) {
			t.Errorf("%v again and %v with three left, want the one without a receipt, and two new ones",
				ids(c.Retries), ids(c.Fresh))
		}
	})
}

// What is in doubt of a broadcast that runs, its workers try again: who would have seen to its stop
// ends nothing of it.
func TestDoubtsOfWhatRunsAreLeftToItsWorkers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 1)
		w.claim(t, b, "dead", 1, time.Millisecond)
		w.PretendLater(time.Hour)
		must(t, w.CloseDoubts(t.Context(), b.Ref(), anyChannel, w.lane(), time.Minute))
		if got := w.tally(t, b); got.Pending != 1 || got.Unknown != 0 {
			t.Errorf("%+v, want it pending", got)
		}
	})
}

// A message that was on its way when its broadcast was cancelled, and of which it turned out that it
// did not leave, has its permit back.
func TestWhatDidNotLeaveAfterACancelGivesItsPermitBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000004": 1})
		b := w.by(t, "b", consent)
		c := w.take(t, b, consent, "w", time.Minute)
		if len(c.Fresh) != 1 {
			t.Fatalf("%+v, want one", c)
		}
		_, err := w.HandOver(t.Context(), b.Ref(), consent, []wxcast.DeliveryKey{c.Fresh[0].Key()})
		must(t, err)
		w.cancel(t, b)
		w.ends(t, b, consent, c.LeaseID, wxcast.Outcome{Recipient: "m000004", ID: "m000004", ErrCode: -1,
			State: wxcast.DeliveryPending, AttemptedAt: w.Now(), NextAttemptAt: w.Now()})
		if left := w.left(t); left["m000004"] != 0 {
			t.Fatalf("%v is left before anybody saw the stop through: the test shows nothing", left)
		}
		must(t, w.CloseDoubts(t.Context(), b.Ref(), consent, consent.Lane(b), time.Minute))
		if left := w.left(t); left["m000004"] != 1 {
			t.Errorf("%v is left, want the permit of what will not be sent", left)
		}
	})
}

// The leases of a process that died end with the stop's being seen through, also where nobody claims.
func TestADeadWorkersLeaseEndsWithTheDoubtsClose(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const window = 9 * time.Minute
		w := newWorld(t, db)
		b := w.broadcastTo(t, 2)
		w.claim(t, b, "dead", 2, time.Millisecond)
		w.cancel(t, b)
		w.PretendLater(window + time.Second)
		must(t, w.CloseDoubts(t.Context(), b.Ref(), anyChannel, w.lane(), window))
		over, err := w.Broadcast(t.Context(), b.Ref())
		must(t, err)
		if got := w.tally(t, b); got.Unknown != 2 || over.FinishedAt.IsZero() {
			t.Errorf("%+v, finished at %v: want both unknown, and it finished", got, over.FinishedAt)
		}
	})
}
