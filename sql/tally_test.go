package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// The counts of a broadcast that is over are kept, and are right whatever is told of its
// messages afterwards.
func TestCountsAreKeptAndStayRight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.TrustReceipts(w.account, true)
		b := w.broadcastTo(t, 5)
		c := w.claim(t, b, "w", 10, time.Minute)
		msgID := func(i int) int64 { return 1<<53 + int64(i) }
		var outcomes []wxcast.Outcome
		for i, d := range c.Fresh[:3] {
			outcomes = append(outcomes, wxcast.Outcome{Recipient: d.Recipient, State: wxcast.DeliverySent,
				MsgID: msgID(i), AttemptedAt: w.Now()})
		}
		for _, d := range c.Fresh[3:] {
			outcomes = append(outcomes, wxcast.Outcome{Recipient: d.Recipient, State: wxcast.DeliveryUnknown,
				ErrCode: wxcast.ErrCodeTransport, AttemptedAt: w.Now(), OpenSince: w.Now()})
		}
		record := func(outcomes ...wxcast.Outcome) {
			t.Helper()
			must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
				Lane:     w.lane(),
				Outcomes: outcomes, DoneLeases: []int64{c.LeaseID}}))
		}
		receipt := func(i int, msgID int64) {
			t.Helper()
			must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{{OpenID: c.Fresh[i].OpenID,
				MsgID: msgID, Status: "success", At: w.Now()}}))
		}
		record(outcomes...)
		w.tally(t, b)
		kept := func(want bool, when string) {
			t.Helper()
			if w.KeptTally(t, b.Ref()) != want {
				t.Errorf("counts kept: %v %s", !want, when)
			}
		}
		kept(false, "while the broadcast runs")
		moved, err := w.MoveBroadcast(t.Context(), b.Ref(),
			wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastDone})
		if err != nil || !moved {
			t.Fatal(moved, err)
		}
		w.tally(t, b)
		kept(false, "while its last outcomes may be on their way")
		w.PretendLater(2 * time.Minute)
		for _, after := range []struct {
			what                     string
			happens                  func()
			sent, unknown, delivered int64
		}{
			{"nothing", func() {}, 3, 2, 0},
			{"a receipt", func() { receipt(0, msgID(0)) }, 3, 2, 1},
			{"a receipt that ends a doubt", func() { receipt(3, msgID(7)) }, 4, 1, 2},
			{"a receipt without a msgid", func() { receipt(1, 0) }, 4, 1, 3},
			{"a late outcome", func() {
				record(wxcast.Outcome{Recipient: c.Fresh[4].Recipient, State: wxcast.DeliverySent, MsgID: msgID(9),
					AttemptedAt: w.Now()})
			}, 5, 0, 3},
		} {
			after.happens()
			for range 2 { // counted, and kept
				if got := w.tally(t, b); got.Sent != after.sent || got.Unknown != after.unknown ||
					got.Delivered != after.delivered || got.Recipients != 5 {
					t.Errorf("after %s: %+v, want %d sent, %d unknown, %d delivered", after.what, got, after.sent,
						after.unknown, after.delivered)
				}
				kept(true, "after "+after.what)
			}
		}
	})
}
