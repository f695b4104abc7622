package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Who refused a template, as a receipt told, is left out of its later messages, and not of
// another's, whether the receipt came after the outcome or before it.
func TestWhoRefusedATemplateIsLeftOutOfItOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 4)
		c := w.claim(t, b, "w", 10, time.Minute)
		refused := func(i int) wxcast.Receipt {
			return wxcast.Receipt{OpenID: c.Fresh[i].OpenID, MsgID: int64(100 + i), Status: "failed:user block",
				Blocked: true, At: w.Now()}
		}
		receipts := func(all ...wxcast.Receipt) {
			must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), all))
		}
		receipts(refused(0))
		var outcomes []wxcast.Outcome
		for i, d := range c.Fresh {
			outcomes = append(outcomes, wxcast.Outcome{Recipient: d.Recipient, State: wxcast.DeliverySent,
				MsgID: int64(100 + i), AttemptedAt: w.Now()})
		}
		must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
			Lane:     w.lane(),
			Outcomes: outcomes, DoneLeases: []int64{c.LeaseID}}))
		system := refused(2)
		system.Status, system.Blocked = "failed: system failed", false
		receipts(refused(1), system)
		receipts(refused(1)) // WeChat tells some twice

		next := func(name, template string) wxcast.Tally {
			t.Helper()
			b = w.next(t, b, name, template)
			c := w.claim(t, b, "w", 10, time.Minute)
			w.record(t, b, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
			return w.tally(t, b)
		}
		if same := next("same", "TPL_ID"); same.Sent != 2 || same.ByErrCode[wxcast.ErrCodeBlocked] != 2 {
			t.Errorf("%+v, want 2 sent and 2 left out, who refused this template", same)
		}
		if other := next("other", "OTHER_ID"); other.Sent != 4 {
			t.Errorf("%+v, want 4 sent: nobody refused this template", other)
		}
	})
}
