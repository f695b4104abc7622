package store_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// leaveAlone gives a world messages of another broadcast, to other people of whom some stand between
// its own: in doubt, in hand, and due; and the quota and the pace of other lanes. Whatever is done to
// a test's own broadcast, they stay as they are.
func (w world) leaveAlone(t testing.TB) {
	t.Helper()
	w.AddNeighbours(t, w.account, sendAPI)
	before, _ := w.Neighbours(t, w.account)
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if after, ok := w.Neighbours(t, w.account); ok && !slices.Equal(before, after) {
			t.Errorf("of others' rows %q changed, they were %q", changed(before, after), changed(after, before))
		}
	})
}

// inTrouble makes two broadcasts to the same twelve people, of whom a worker that is dead had claimed
// eight of each.
func (w world) inTrouble(t *testing.T) (b, beside wxcast.Broadcast) {
	t.Helper()
	b = w.broadcastTo(t, 12)
	beside = w.add(t, "beside", bridged(w.mini),
		wxcast.BroadcastChannel{Name: "any", Lane: w.lane(), TemplateID: "OTHER"})
	w.fix(t, beside)
	for _, of := range []wxcast.Broadcast{b, beside} {
		if dead := w.claim(t, of, "dead", 8, time.Millisecond); len(dead.Fresh) != 8 {
			t.Fatalf("%+v, want eight", dead)
		}
	}
	w.PretendLater(time.Minute)
	for _, of := range []wxcast.Broadcast{b, beside} { // it takes over, and wants to know what the dead one has used
		if c := w.claim(t, of, "w", 1, time.Minute); c.TakenOver != 1 || !c.QuotaUnread {
			t.Fatalf("%+v, want it taken over", c)
		}
	}
	return b, beside
}

// heardOf stores receipts of messages that nobody knows.
func (w world) heardOf(t *testing.T, at time.Time, people ...int) {
	t.Helper()
	var all []wxcast.Receipt
	for _, i := range people {
		all = append(all, wxcast.Receipt{OpenID: openid(i), MsgID: int64(1000 + i), Status: "success", At: at})
	}
	must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), all))
}

func recipient(i int) wxcast.Recipient { return wxcast.Recipient(openid(i)) }

// row is how a delivery stands.
type row struct {
	channel    string
	state      wxcast.DeliveryState
	due, since time.Duration // from now; no time where 0
}

func (w world) put(t *testing.T, b wxcast.Broadcast, rows map[int]row) {
	t.Helper()
	now := w.Now()
	at := func(d time.Duration) time.Time {
		if d == 0 {
			return time.Time{}
		}
		return now.Add(d)
	}
	for i, r := range rows {
		w.Put(t, b.Ref(), recipient(i), cmp.Or(r.channel, "any"), cmp.Or(r.state, wxcast.DeliveryPending), at(r.due),
			at(r.since))
	}
}

// changed are the rows that were not so before.
func changed(before, after []string) (rows []string) {
	for _, row := range after {
		if !slices.Contains(before, row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// peopleIn are those of some rows.
func peopleIn(rows []string) (all []string) {
	for _, row := range rows {
		all = append(all, strings.Fields(row)[0])
	}
	return all
}

// Where little quota is left, those in doubt go later whose receipt may come: no other channel's, no
// other broadcast's, nobody who is in hand or was refused, and nobody whose receipt is an old one.
func TestOnlyDoubtsOfItsOwnArePutOff(t *testing.T) {
	const old, young, soon = -50 * time.Second, -10 * time.Second, -time.Second
	for name, c := range map[string]struct {
		hears bool
		want  []string // but for the one that is tried
	}{
		"receipts come":    {true, []string{"o000002", "o000005"}},
		"no receipt comes": {false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				b, beside := w.inTrouble(t)
				w.put(t, b, map[int]row{
					1: {due: 2 * soon, since: old}, 2: {due: soon, since: old}, 3: {due: soon, since: old},
					4: {due: soon, since: old}, 5: {due: soon, since: young},
					6: {channel: "other", due: soon, since: old}, // and young ones of others
					7: {due: 50 * time.Second, since: young},     // in hand
					8: {due: soon},                               // WeChat was busy
					9: {channel: "other", due: soon, since: young},
				})
				w.put(t, beside, map[int]row{1: {due: soon, since: old}, 2: {due: soon, since: old},
					5: {due: soon, since: young}})
				if c.hears {
					w.heardOf(t, w.Now(), 2, 6, 7, 8)
					w.heardOf(t, w.Now().Add(-time.Hour), 3)
				} else {
					_, err := w.AddCallbacks(t.Context(), w.account, []wxcast.CallbackEvent{{OpenID: openid(1), Kind: "text",
						CreatedAt: w.Now()}})
					must(t, err)
					all, err := w.PendingCallbacks(t.Context(), w.account, 10)
					must(t, err)
					must(t, w.CallbacksApplied(t.Context(), w.account, []int64{all[0].ID}))
				}
				w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 100, Used: 99})
				before, others := w.Rows(t, b.Ref()), w.Rows(t, beside.Ref())
				got := w.claim(t, b, "w", 1, time.Minute)
				if !slices.Equal(ids(got.Retries), []wxcast.Recipient{"o000001"}) || len(got.Fresh) > 0 {
					t.Fatalf("%+v, want the first again", got)
				}
				want := append([]string{"o000001"}, c.want...)
				if now := peopleIn(changed(before, w.Rows(t, b.Ref()))); !slices.Equal(now, want) {
					t.Errorf("of %v something changed, want it of %v and of the first", now, c.want)
				}
				if now := w.Rows(t, beside.Ref()); !slices.Equal(now, others) {
					t.Errorf("the other broadcast's are %q, they were %q", now, others)
				}
			})
		})
	}
}

// Quota is kept for those that a broadcast has in doubt by this channel and that are still to be tried:
// for none of another channel's, none that is over, and none that WeChat refused.
func TestOnlyDoubtsOfItsOwnKeepQuota(t *testing.T) {
	const old, soon = -50 * time.Second, -time.Second
	others := map[int]row{5: {channel: "other", due: soon, since: old}, 6: {due: 10 * time.Minute},
		7: {state: wxcast.DeliveryUnknown, since: old}, 8: {state: wxcast.DeliverySent}}
	sent := row{state: wxcast.DeliverySent}
	for name, c := range map[string]struct {
		doubts map[int]row
		again  []wxcast.Recipient
	}{
		"fewer than are left": {map[int]row{1: sent, 2: sent, 3: sent, 4: {due: soon, since: old}},
			[]wxcast.Recipient{"o000004"}},
		"in somebody's hand": {map[int]row{1: sent, 2: sent, 3: sent, 4: {due: time.Minute, since: old}}, nil},
		"most have a receipt": {map[int]row{1: {due: soon, since: old}, 2: {due: soon, since: old},
			3: {due: soon, since: old}, 4: {due: soon, since: old}}, []wxcast.Recipient{"o000004"}},
		"most have a receipt, one is in somebody's hand": {map[int]row{1: {due: soon, since: old},
			2: {due: soon, since: old}, 3: {due: soon, since: old}, 4: {due: time.Minute, since: old}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				b, beside := w.inTrouble(t)
				w.put(t, b, others)
				w.put(t, b, c.doubts)
				w.put(t, beside, map[int]row{1: {due: soon, since: old}, 2: {due: soon, since: old}})
				w.heardOf(t, w.Now(), 1, 2, 3)
				w.heardOf(t, w.Now().Add(-time.Hour), 4)
				w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 100, Used: 97})
				got := w.claim(t, b, "w", 10, time.Minute)
				if !slices.Equal(ids(got.Retries), c.again) || len(got.Fresh) != 2 {
					t.Errorf("%v again and %v, want %v, and two whom nobody has tried", ids(got.Retries), ids(got.Fresh),
						c.again)
				}
			})
		})
	}
}

// Of a broadcast that was stopped what is in doubt by one channel ends as unknown when its time is
// over: nothing by another channel, and nothing that somebody has in hand.
func TestOnlyDoubtsOfItsOwnEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b, beside := w.inTrouble(t)
		rows := map[int]row{1: {due: -time.Second, since: -time.Hour},
			2: {channel: "other", due: -time.Second, since: -time.Hour},
			3: {due: 10 * time.Minute, since: -time.Hour}, 4: {due: -time.Second, since: -time.Minute},
			5: {due: -time.Second}}
		w.put(t, b, rows)
		w.put(t, beside, rows)
		w.cancel(t, b)
		before, others := w.Rows(t, b.Ref()), w.Rows(t, beside.Ref())
		must(t, w.CloseDoubts(t.Context(), b.Ref(), anyChannel, w.lane(), 9*time.Minute))
		if now := peopleIn(changed(before, w.Rows(t, b.Ref()))); !slices.Equal(now, []string{"o000001"}) {
			t.Errorf("of %v something changed, want it of the first", now)
		}
		if got := w.tally(t, b); got.Unknown != 1 {
			t.Errorf("%+v, want one unknown", got)
		}
		if now := w.Rows(t, beside.Ref()); !slices.Equal(now, others) {
			t.Errorf("the other broadcast's are %q, they were %q", now, others)
		}
	})
}

// What a dead worker had is due again, and nothing that others have before it or behind.
func TestOnlyTheDeadWorkersOwnAreDueAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 9)
		w.claim(t, b, "before", 2, time.Hour)
		w.claim(t, b, "dead", 2, time.Minute)
		w.claim(t, b, "behind", 2, time.Hour)
		w.PretendLater(2 * time.Minute)
		w.claim(t, b, "w", 1, time.Minute) // takes over
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
		c := w.claim(t, b, "w", 100, time.Minute)
		if !slices.Equal(ids(c.Retries), []wxcast.Recipient{"o000003", "o000004"}) ||
			!slices.Equal(ids(c.Fresh), []wxcast.Recipient{"o000007", "o000008", "o000009"}) {
			t.Errorf("%v again and %v, want the dead worker's two and the last three", ids(c.Retries), ids(c.Fresh))
		}
	})
}
