package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// nameless is a receipt with MsgID 0.
func nameless(openid wxcast.OpenID, status string, at time.Time) wxcast.Receipt {
	return wxcast.Receipt{OpenID: openid, Status: status, At: at}
}

// A message that is under a lease may have left a moment ago, and no row says so: a receipt
// without a msgid may be its, and is no older message's.
func TestAReceiptWithoutAMsgIDWaitsForAMessageUnderWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.TrustReceipts(w.account, true)
		older := w.broadcastTo(t, 1)
		c := w.claim(t, older, "w", 1, time.Minute)
		person := c.Fresh[0]
		at := w.Now()
		must(t, w.recordAll(t.Context(), wxcast.Recording{
			Channel: anyChannel, Broadcast: older.Ref(), Worker: "w", Lane: w.lane(), DoneLeases: []int64{c.LeaseID},
			Outcomes: []wxcast.Outcome{{Recipient: person.Recipient, State: wxcast.DeliverySent, MsgID: 7,
				AttemptedAt: at.Add(-2 * time.Hour)}},
		}))
		newer := w.next(t, older, "newer", "TPL_ID")
		if c := w.claim(t, newer, "w", 1, time.Minute); len(c.Fresh) != 1 {
			t.Fatalf("claimed %+v, want the person's second message", c)
		}
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(),
			[]wxcast.Receipt{nameless(person.OpenID, "failed:user block", at)}))
		if tally := w.tally(t, older); tally.Undelivered != 0 {
			t.Errorf("%+v: the receipt went to the older message, and may be the one's that is under way", tally)
		}
		hints, err := w.ReceiptHints(t.Context(), w.account, person.OpenID)
		must(t, err)
		if len(hints) != 1 {
			t.Errorf("%d hints, want the receipt that nobody can place yet", len(hints))
		}
	})
}

// Using one hint leaves the person's others, and other apps', alone.
func TestOneHintIsUsedAtATime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.TrustReceipts(w.account, true)
		b := w.broadcastTo(t, 1)
		c := w.claim(t, b, "w", 1, time.Minute)
		person, at := c.Fresh[0], w.Now()
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{
			nameless(person.OpenID, "success", at),
			nameless(person.OpenID, "failed:user block", at.Add(-3*24*time.Hour)),
		}))
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, wxcast.Lane{AppID: w.mini, API: sendAPI},
			[]wxcast.Receipt{nameless(person.OpenID, "success", at.Add(time.Second))}))
		must(t, w.recordAll(t.Context(), wxcast.Recording{
			Channel: anyChannel, Broadcast: b.Ref(), Worker: "w", Lane: w.lane(), DoneLeases: []int64{c.LeaseID},
			Outcomes: []wxcast.Outcome{{Recipient: person.Recipient, State: wxcast.DeliverySent, MsgID: 7,
				AttemptedAt: at}},
		}))
		if tally := w.tally(t, b); tally.Delivered != 1 {
			t.Errorf("%+v, want 1 delivered: the receipt came before the outcome", tally)
		}
		hints, err := w.ReceiptHints(t.Context(), w.account, person.OpenID)
		must(t, err)
		if len(hints) != 2 {
			t.Errorf("%d hints are left, want 2: one was used, of three", len(hints))
		}
	})
}
