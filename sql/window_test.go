package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// window lets o000001 be written to so often until a time from now.
func (w world) window(t *testing.T, messages int, open time.Duration) {
	t.Helper()
	now := w.Now().Truncate(time.Second)
	must(t, w.OpenWindows(t.Context(), w.account, []wxcast.Window{{OpenID: "o000001", Kind: wxcast.WindowMessage,
		At: now, Until: now.Add(open), Messages: messages}}))
}

// messagesLeft is how often they may be written to still.
func (w world) messagesLeft(t *testing.T) (n int) {
	t.Helper()
	person, err := w.Person(t.Context(), w.account, []int64{w.mini}, "o000001")
	must(t, err)
	for _, one := range person.Windows {
		n += one.Messages
	}
	return n
}

// A message that surely did not leave counts in no window.
func TestAWindowHasBackWhatDidNotLeave(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w world, b wxcast.Broadcast, c wxcast.Claim)
		left int
	}{
		"sent": {func(w world, b wxcast.Broadcast, c wxcast.Claim) {
			w.ends(t, b, card, c.LeaseID, wxcast.Outcome{Recipient: "o000001", State: wxcast.DeliverySent, MsgID: 1,
				AttemptedAt: w.Now()})
		}, 1},
		"refused": {func(w world, b wxcast.Broadcast, c wxcast.Claim) {
			w.ends(t, b, card, c.LeaseID, wxcast.Outcome{Recipient: "o000001", State: wxcast.DeliveryFailed,
				ErrCode: 47003, AttemptedAt: w.Now(), RightAt: c.Fresh[0].RightAt})
		}, 2},
		"WeChat says that the window is closed": {func(w world, b wxcast.Broadcast, c wxcast.Claim) {
			must(t, w.SettleRefusals(t.Context(), b.Ref(), card, []wxcast.Refusal{{ID: "o000001",
				RightAt: c.Fresh[0].RightAt, At: w.Now().Add(time.Second)}}, true))
		}, 0},
		"WeChat says so of too many": {func(w world, b wxcast.Broadcast, c wxcast.Claim) {
			must(t, w.SettleRefusals(t.Context(), b.Ref(), card, []wxcast.Refusal{{ID: "o000001",
				RightAt: c.Fresh[0].RightAt, At: w.Now().Add(time.Second)}}, false))
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.people(t)
				w.window(t, 2, 48*time.Hour)
				b := w.by(t, "b", card)
				c := w.take(t, b, card, "w", time.Minute)
				if len(c.Fresh) != 1 {
					t.Fatalf("%+v, want one", c)
				}
				test.end(w, b, c)
				if left := w.messagesLeft(t); left != test.left {
					t.Errorf("%d messages are left, want %d", left, test.left)
				}
			})
		})
	}
}

// A message that a dead process had is sent only where its window is open still; one that may be out
// has its end as what it is, and not for a window.
func TestAWindowMayCloseMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		leaves          bool // before the process dies
		skipped, inHand int
		reasons         map[int]int64
	}{
		"it had not left": {false, 1, 0, map[int]int64{wxcast.ErrCodeNoWindow: 1}},
		"it may be out":   {true, 0, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.people(t)
				w.window(t, 1, time.Minute)
				b := w.by(t, "b", card)
				dead := w.take(t, b, card, "dead", time.Second)
				if len(dead.Fresh) != 1 {
					t.Fatalf("%+v, want one", dead)
				}
				if test.leaves {
					_, err := w.HandOver(t.Context(), b.Ref(), card, []wxcast.DeliveryKey{dead.Fresh[0].Key()})
					must(t, err)
				}
				w.PretendLater(2 * time.Minute)
				w.take(t, b, card, "w", time.Minute) // takes over
				w.toldOf(t, card.Lane(b), wxcast.Quota{Limit: 1000})
				c := w.take(t, b, card, "w", time.Minute)
				if c.Skipped != test.skipped || len(c.Retries) != test.inHand {
					t.Errorf("%+v, want %d skipped and %d to be judged", c, test.skipped, test.inHand)
				}
				if got := w.tally(t, b).ByErrCode; len(got) != len(test.reasons) || got[wxcast.ErrCodeNoWindow] !=
					test.reasons[wxcast.ErrCodeNoWindow] {
					t.Errorf("skipped for %v, want %v", got, test.reasons)
				}
			})
		})
	}
}

// A message that a dead process had, and that had not left, takes its window once; one of a broadcast
// that is cancelled takes none.
func TestAWindowIsTakenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.window(t, 3, 48*time.Hour)
		b := w.by(t, "b", card)
		w.take(t, b, card, "dead", time.Second)
		w.PretendLater(time.Minute)
		w.take(t, b, card, "w", time.Minute) // takes over
		w.toldOf(t, card.Lane(b), wxcast.Quota{Limit: 1000})
		if c := w.take(t, b, card, "w", time.Minute); len(c.Retries) != 1 {
			t.Fatalf("%+v, want the message that had not left", c)
		}
		if left := w.messagesLeft(t); left != 2 {
			t.Errorf("%d messages are left, want 2: it is one message", left)
		}
		w.cancel(t, b)
		if left := w.messagesLeft(t); left != 3 {
			t.Errorf("%d messages are left after the cancel, want 3", left)
		}
	})
}

// Of two openings of a kind that are told together the later one counts, in whatever order.
func TestTheLaterOfTwoOpeningsCounts(t *testing.T) {
	for name, order := range map[string][]int{"in order": {1, 2}, "the later one first": {2, 1}} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.people(t)
				now := w.Now().Truncate(time.Second)
				var both []wxcast.Window
				for _, n := range order { // the one of n messages was n minutes later
					at := now.Add(time.Duration(n) * time.Minute)
					both = append(both, wxcast.Window{OpenID: "o000001", Kind: wxcast.WindowMessage, At: at,
						Until: at.Add(time.Hour), Messages: n})
				}
				must(t, w.OpenWindows(t.Context(), w.account, both))
				if left := w.messagesLeft(t); left != 2 {
					t.Errorf("%d messages are allowed, want the later opening's 2", left)
				}
			})
		})
	}
}
