package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A receipt may come before its message is recorded as sent, and after: the row is the
// same in the end.
func TestReceiptsInEitherOrderEndInTheSameRow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 4)
		c := w.claim(t, b, "w", 10, time.Minute)
		outcome := func(i int) wxcast.Outcome {
			return wxcast.Outcome{OpenID: c.Fresh[i].OpenID, State: wxcast.DeliverySent, MsgID: 1<<53 + int64(i), AttemptedAt: w.Now()}
		}
		receipt := func(i int, status string) wxcast.Receipt {
			return wxcast.Receipt{OpenID: c.Fresh[i].OpenID, MsgID: 1<<53 + int64(i), Status: status, At: w.Now().Truncate(time.Second)}
		}
		receipts := func(all ...wxcast.Receipt) { t.Helper(); must(t, w.RecordReceipts(t.Context(), w.account, all)) }
		outcomes := func(all ...wxcast.Outcome) {
			t.Helper()
			must(t, w.RecordOutcomes(t.Context(), b.ID, "w", all, nil))
		}
		receipts(receipt(0, "success"), receipt(1, "failed:user block"))
		outcomes(outcome(0), outcome(1), outcome(2), outcome(3))
		receipts(receipt(2, "success"), receipt(3, "failed:user block"))
		receipts(receipt(2, "success"), receipt(3, "failed:user block")) // WeChat tells some twice
		if tally := w.tally(t, b); tally.Sent != 4 || tally.Delivered != 2 || tally.Undelivered != 2 {
			t.Errorf("%+v", tally)
		}
		// One of somebody else's message with the same number changes nothing.
		other := receipt(0, "failed:system failed")
		other.OpenID = c.Fresh[1].OpenID
		receipts(other)
		if tally := w.tally(t, b); tally.Delivered != 2 || tally.Undelivered != 2 {
			t.Errorf("%+v", tally)
		}
	})
}

// A receipt ends the doubt about the one message to a person that was in doubt then.
func TestAReceiptEndsADoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 3)
		c := w.claim(t, b, "w", 10, time.Minute)
		at := w.Now()
		var lost []wxcast.Outcome
		for i, age := range []time.Duration{time.Minute, time.Minute, 26 * time.Hour} {
			lost = append(lost, wxcast.Outcome{OpenID: c.Fresh[i].OpenID, State: wxcast.DeliveryUnknown, ErrCode: wxcast.ErrCodeTransport, AttemptedAt: at.Add(-age), OpenSince: at.Add(-age)})
		}
		must(t, w.RecordOutcomes(t.Context(), b.ID, "w", lost, nil))
		must(t, w.RecordReceipts(t.Context(), w.account, []wxcast.Receipt{
			{OpenID: c.Fresh[0].OpenID, MsgID: 1 << 60, Status: "success", At: at},
			{OpenID: c.Fresh[2].OpenID, MsgID: 1<<60 + 1, Status: "success", At: at}, // of another message: this doubt is a day old
		}))
		if tally := w.tally(t, b); tally.Sent != 1 || tally.Delivered != 1 || tally.Unknown != 2 {
			t.Errorf("%+v", tally)
		}
	})
}
