package store_test

import (
	"slices"
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
			return wxcast.Outcome{Recipient: c.Fresh[i].Recipient, State: wxcast.DeliverySent, MsgID: 1<<53 + int64(i),
				AttemptedAt: w.Now()}
		}
		receipt := func(i int, status string) wxcast.Receipt {
			return wxcast.Receipt{OpenID: c.Fresh[i].OpenID, MsgID: 1<<53 + int64(i), Status: status,
				At: w.Now().Truncate(time.Second)}
		}
		receipts := func(all ...wxcast.Receipt) {
			t.Helper()
			must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), all))
		}
		outcomes := func(all ...wxcast.Outcome) {
			t.Helper()
			must(t, w.recordAll(t.Context(),
				wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w", Lane: w.lane(), Outcomes: all, DoneLeases: nil}))
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

// A receipt ends the doubt about the one message to a person that was in doubt then, where
// wxcast alone sends for the account.
func TestAReceiptEndsADoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.TrustReceipts(w.account, true)
		b := w.broadcastTo(t, 3)
		c := w.claim(t, b, "w", 10, time.Minute)
		at := w.Now()
		var lost []wxcast.Outcome
		for i, age := range []time.Duration{time.Minute, time.Minute, 26 * time.Hour} {
			lost = append(lost, wxcast.Outcome{Recipient: c.Fresh[i].Recipient, State: wxcast.DeliveryUnknown,
				ErrCode: wxcast.ErrCodeTransport, AttemptedAt: at.Add(-age), OpenSince: at.Add(-age)})
		}
		must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
			Lane:     w.lane(),
			Outcomes: lost, DoneLeases: nil}))
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{
			{OpenID: c.Fresh[0].OpenID, MsgID: 1 << 60, Status: "success", At: at},
			{OpenID: c.Fresh[2].OpenID, MsgID: 1<<60 + 1, Status: "success", At: at}, // of another message: this doubt is a day old
		}))
		if tally := w.tally(t, b); tally.Sent != 1 || tally.Delivered != 1 || tally.Unknown != 2 {
			t.Errorf("%+v", tally)
		}
	})
}

// One report says that WeChat's receipts bear MsgID 0: such a one is of the only message that it
// can be about, and where there are two it is a hint and nobody's state.
func TestAReceiptWithoutAMsgIDIsOfTheOnlyMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.TrustReceipts(w.account, true)
		b := w.broadcastTo(t, 4)
		c := w.claim(t, b, "w", 10, time.Minute)
		at := w.Now()
		person := func(i int) wxcast.OpenID { return c.Fresh[i].OpenID }
		sent := func(i int) wxcast.Outcome {
			return wxcast.Outcome{Recipient: wxcast.Recipient(person(i)), State: wxcast.DeliverySent,
				MsgID: 1<<53 + int64(i), AttemptedAt: at}
		}
		record := func(of wxcast.Broadcast, all ...wxcast.Outcome) {
			t.Helper()
			must(t, w.recordAll(t.Context(),
				wxcast.Recording{Channel: anyChannel, Broadcast: of.Ref(), Worker: "w", Lane: w.lane(), Outcomes: all}))
		}
		nameless := func(i int) {
			t.Helper()
			must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(),
				[]wxcast.Receipt{{OpenID: person(i), Status: "success", At: at}}))
		}
		nameless(0) // before its message is recorded
		record(b, sent(0), sent(1), sent(2))
		nameless(1)
		if tally := w.tally(t, b); tally.Delivered != 2 {
			t.Errorf("%d delivered, want 2: one came before its message was recorded, one after", tally.Delivered)
		}
		// A second message to one person: the receipt may be of either.
		b2, _, err := w.AddBroadcast(t.Context(),
			wxcast.Broadcast{AccountID: w.account, Channels: w.channels(), MiniID: w.mini, Name: "b2", ContentHash: "h",
				MessageKey: "k2", State: wxcast.BroadcastRunning, Audience: bridged(w.mini), Rate: 1e6})
		must(t, err)
		for fixed := false; !fixed; {
			_, fixed, err = w.FixRecipients(t.Context(), b2.Ref(), 100)
			must(t, err)
		}
		record(b2, wxcast.Outcome{Recipient: wxcast.Recipient(person(2)), State: wxcast.DeliveryFailed, ErrCode: 43101,
			AttemptedAt: at})
		nameless(2)
		if tally := w.tally(t, b); tally.Delivered != 2 {
			t.Errorf("%d delivered, want 2: a receipt that may be of two messages is nobody's", tally.Delivered)
		}
		hints, err := w.ReceiptHints(t.Context(), w.account, person(2))
		must(t, err)
		if len(hints) != 1 || hints[0].MsgID != 0 || hints[0].Status != "success" {
			t.Errorf("hints %+v, want the receipt that nobody can place", hints)
		}
		nameless(3) // no message of ours to them at all
		if sent, heard, err := w.MessagesHeard(t.Context(), w.account, at.Add(-time.Hour)); err != nil || sent != 3 ||
			heard != 2 {
			t.Errorf("%d sent, %d heard of (%v), want 3 and 2", sent, heard, err)
		}
	})
}

// Another system's message to a person, or our own next one, may be what a receipt is about
// whose msgid we do not know: nobody's unknown ends by it.
func TestAReceiptOfAnotherSystemsMessageEndsNobodysDoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 3)
		c := w.claim(t, b, "w", 10, time.Minute)
		at := w.Now()
		var lost []wxcast.Outcome
		for _, d := range c.Fresh {
			lost = append(lost, wxcast.Outcome{Recipient: d.Recipient, State: wxcast.DeliveryUnknown,
				ErrCode: wxcast.ErrCodeTransport, AttemptedAt: at, OpenSince: at})
		}
		must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
			Lane:     w.lane(),
			Outcomes: lost, DoneLeases: []int64{c.LeaseID}}))
		receipts := func() {
			t.Helper()
			must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{
				{OpenID: c.Fresh[0].OpenID, MsgID: 1 << 60, Status: "success", At: at},
				nameless(c.Fresh[1].OpenID, "success", at)}))
		}
		receipts()
		if tally := w.tally(t, b); tally.Unknown != 3 || tally.Delivered != 0 {
			t.Errorf("%+v: what other systems send is not known", tally)
		}
		for i := range 2 {
			hints, err := w.ReceiptHints(t.Context(), w.account, c.Fresh[i].OpenID)
			must(t, err)
			if len(hints) != 1 {
				t.Errorf("%d hints, want the receipt", len(hints))
			}
		}
		// Nobody else sends; but the next broadcast's message to them is under way.
		w.TrustReceipts(w.account, true)
		next := w.next(t, b, "next", "TPL_ID")
		if c := w.claim(t, next, "w", 10, time.Minute); len(c.Fresh) != 3 {
			t.Fatalf("%+v", c)
		}
		receipts()
		if tally := w.tally(t, b); tally.Unknown != 3 || tally.Delivered != 0 {
			t.Errorf("%+v: the receipt may be of the next broadcast's message", tally)
		}
	})
}

// A receipt that came before its message was recorded ends the doubt about it, by its msgid that
// nobody knows; of messages that WeChat accepted it ends nothing.
func TestAnEarlyReceiptEndsADoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.TrustReceipts(w.account, true)
		b := w.broadcastTo(t, 2)
		c := w.claim(t, b, "w", 10, time.Minute)
		at := w.Now()
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{
			{OpenID: c.Fresh[0].OpenID, MsgID: 1 << 60, Status: "success", At: at},
			{OpenID: c.Fresh[1].OpenID, MsgID: 1<<60 + 1, Status: "success", At: at}}))
		must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
			Lane: w.lane(), DoneLeases: []int64{c.LeaseID}, Outcomes: []wxcast.Outcome{
				{Recipient: c.Fresh[0].Recipient, State: wxcast.DeliveryUnknown, ErrCode: wxcast.ErrCodeTransport,
					AttemptedAt: at, OpenSince: at},
				{Recipient: c.Fresh[1].Recipient, State: wxcast.DeliverySent, MsgID: 7, AttemptedAt: at}}}))
		if tally := w.tally(t, b); tally.Sent != 2 || tally.Delivered != 1 || tally.Unknown != 0 {
			t.Errorf("%+v, want the one in doubt sent and delivered, and the other's receipt to be of another message",
				tally)
		}
	})
}

// How long after its message a receipt may come that bears no msgid, or one that nobody knows.
func TestAReceiptIsOfALateMessageOnly(t *testing.T) {
	for name, test := range map[string]struct {
		msgid     int64
		age       time.Duration
		delivered int64
	}{
		"without a msgid, a night later":     {0, 20 * time.Hour, 1},
		"without a msgid, after a day":       {0, 25 * time.Hour, 0},
		"with an unknown one, half an hour":  {1 << 60, 30 * time.Minute, 1},
		"with an unknown one, after an hour": {1 << 60, 2 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.TrustReceipts(w.account, true)
				b := w.broadcastTo(t, 1)
				c := w.claim(t, b, "w", 1, time.Minute)
				at := w.Now()
				must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
					Lane: w.lane(), DoneLeases: []int64{c.LeaseID}, Outcomes: []wxcast.Outcome{
						{Recipient: c.Fresh[0].Recipient, State: wxcast.DeliveryUnknown, AttemptedAt: at.Add(-test.age),
							ErrCode: wxcast.ErrCodeTransport, OpenSince: at.Add(-test.age)}}}))
				must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{
					{OpenID: c.Fresh[0].OpenID, MsgID: test.msgid, Status: "success", At: at}}))
				if tally := w.tally(t, b); tally.Delivered != test.delivered {
					t.Errorf("%+v, want %d delivered", tally, test.delivered)
				}
			})
		})
	}
}

// A receipt of a mini program's channel names its user, whether it comes before the outcome or after,
// and by whichever id the delivery knows the person.
func TestAReceiptNamesTheMiniUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1, "m000004": 1})
		b := w.by(t, "b", consent)
		c := w.take(t, b, consent, "w", time.Minute)
		if got := ids(c.Fresh); !slices.Equal(got, []wxcast.Recipient{"m000004", "o000001"}) {
			t.Fatalf("%v are claimed, want m000004, who follows nothing, and o000001", got)
		}
		at := w.Now()
		must(t, w.RecordReceipts(t.Context(), w.account, consent, consent.Lane(b), []wxcast.Receipt{
			{OpenID: "m000001", MsgID: 7, Status: "success", At: at},
			{OpenID: "m000004", MsgID: 8, Status: "success", At: at}}))
		w.ends(t, b, consent, c.LeaseID,
			wxcast.Outcome{Recipient: "o000001", ID: "m000001", State: wxcast.DeliverySent, MsgID: 7, AttemptedAt: at},
			wxcast.Outcome{Recipient: "m000004", ID: "m000004", State: wxcast.DeliverySent, MsgID: 8, AttemptedAt: at})
		if tally := w.tally(t, b); tally.Delivered != 2 {
			t.Errorf("%+v, want both delivered: their receipts came before their outcomes", tally)
		}
	})
}

// One who was written to as a mini user, and follows since, has two ids: a receipt that names no
// message may be of either's, and of the only one that is in doubt.
func TestAPersonsTwoIDsAreOnePerson(t *testing.T) {
	for name, test := range map[string]struct {
		again     bool // they are written to again, as a follower
		delivered int64
		hints     int
	}{"one message": {false, 1, 0}, "two messages": {true, 0, 1}} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.TrustReceipts(w.account, true)
				_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 1), wxcast.ImportMode{})
				must(t, err)
				send := func(name string, want wxcast.Recipient) wxcast.Broadcast {
					t.Helper()
					w.permit(t, map[wxcast.Recipient]int64{"m000001": 1})
					b := w.by(t, name, consent)
					c := w.take(t, b, consent, "w", time.Minute)
					if got := ids(c.Fresh); !slices.Equal(got, []wxcast.Recipient{want}) {
						t.Fatalf("%v are claimed, want %s", got, want)
					}
					at := w.Now()
					w.ends(t, b, consent, c.LeaseID, wxcast.Outcome{Recipient: want, ID: "m000001", AttemptedAt: at,
						State: wxcast.DeliveryUnknown, ErrCode: wxcast.ErrCodeTransport, OpenSince: at})
					return b
				}
				all := []wxcast.Broadcast{send("as a mini user", "m000001")}
				w.follow(t, 1)
				_, _, err = w.Join(t.Context(), w.account, w.mini)
				must(t, err)
				if test.again {
					all = append(all, send("as a follower", "o000001"))
				}
				must(t, w.RecordReceipts(t.Context(), w.account, consent, consent.Lane(all[0]), []wxcast.Receipt{
					{OpenID: "m000001", MsgID: 9, Status: "success", At: w.Now()}}))
				var delivered int64
				for _, b := range all {
					delivered += w.tally(t, b).Delivered
				}
				hints, err := w.ReceiptHints(t.Context(), w.account, "m000001")
				must(t, err)
				if delivered != test.delivered || len(hints) != test.hints {
					t.Errorf("%d delivered and %d hints, want %d and %d", delivered, len(hints), test.delivered,
						test.hints)
				}
			})
		})
	}
}

// A receipt that names no message of ours ends the doubt about the one that it can be of, whatever else
// there was to the same person: what has a receipt, or a msgid of its own, went by another channel, or
// at another time, or is in nobody's hand, is not meant.
func TestAReceiptCanBeOfNoOtherMessage(t *testing.T) {
	const n = 5 // the person
	lease := func(t *testing.T, w world, b wxcast.Broadcast, n int) { w.claim(t, b, "w", n, time.Hour) }
	doubt := row{state: wxcast.DeliveryUnknown, since: -time.Minute}
	alone := func(r row) func(*testing.T, world, wxcast.Broadcast) { // there is nothing else to the person
		return func(t *testing.T, w world, b wxcast.Broadcast) {
			w.put(t, wxcast.Broadcast{AccountID: b.AccountID, ID: b.ID - 1}, map[int]row{n: r})
			w.put(t, b, map[int]row{n: {state: wxcast.DeliverySkipped}})
		}
	}
	for name, test := range map[string]struct {
		beside func(t *testing.T, w world, b wxcast.Broadcast)
		want   int64
	}{
		"alone":           {alone(doubt), 1},
		"alone, refused":  {alone(row{state: wxcast.DeliveryFailed, since: -time.Minute}), 0},
		"alone, long ago": {alone(row{state: wxcast.DeliveryUnknown, since: -100 * time.Hour}), 0},
		"in doubt, too": {func(t *testing.T, w world, b wxcast.Broadcast) {
			w.put(t, b, map[int]row{n: doubt})
		}, 0},
		"it has a receipt": {func(t *testing.T, w world, b wxcast.Broadcast) {
			w.put(t, b, map[int]row{n: doubt})
			w.PutMsgID(t, b.Ref(), recipient(n), 0, "success")
		}, 1},
		"it has a msgid": {func(t *testing.T, w world, b wxcast.Broadcast) {
			w.put(t, b, map[int]row{n: doubt})
			w.PutMsgID(t, b.Ref(), recipient(n), 77, "")
		}, 1},
		"by another channel": {func(t *testing.T, w world, b wxcast.Broadcast) {
			w.put(t, b, map[int]row{n: {channel: "other", state: wxcast.DeliveryUnknown, since: -time.Minute}})
		}, 1},
		"long ago": {func(t *testing.T, w world, b wxcast.Broadcast) {
			w.put(t, b, map[int]row{n: {state: wxcast.DeliveryUnknown, since: -100 * time.Hour}})
		}, 1},
		"in somebody's hand": {func(t *testing.T, w world, b wxcast.Broadcast) { lease(t, w, b, n) }, 0},
		"still to come":      {func(t *testing.T, w world, b wxcast.Broadcast) { lease(t, w, b, n-1) }, 1},
		"before what is in somebody's hand": {func(t *testing.T, w world, b wxcast.Broadcast) {
			c := w.claim(t, b, "w", n, time.Hour)
			w.record(t, b, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
			w.put(t, b, map[int]row{n: {}})
			w.PutMsgID(t, b.Ref(), recipient(n), 0, "")
			lease(t, w, b, 2)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.TrustReceipts(w.account, true)
				b := w.broadcastTo(t, 10)
				c := w.claim(t, b, "w", 10, time.Hour)
				w.record(t, b, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
				w.put(t, b, map[int]row{n: doubt})
				w.PutMsgID(t, b.Ref(), recipient(n), 0, "")
				beside := w.add(t, "beside", bridged(w.mini),
					wxcast.BroadcastChannel{Name: "any", Lane: w.lane(), TemplateID: "OTHER"})
				w.fix(t, beside)
				test.beside(t, w, beside)
				others := w.Rows(t, beside.Ref())
				w.heardOf(t, w.Now(), n)
				if now := w.Rows(t, beside.Ref()); !slices.Equal(now, others) {
					t.Errorf("the other broadcast's %q changed, they were %q", changed(others, now), changed(now, others))
				}
				if got := w.tally(t, b).Delivered; got != test.want {
					t.Errorf("%d delivered, want %d", got, test.want)
				}
			})
		})
	}
}
