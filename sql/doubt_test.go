package store_test

import (
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
					receipts = append(receipts, wxcast.Receipt{OpenID: d.OpenID, MsgID: int64(100 + i), Status: "success",
						At: w.Now()})
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
