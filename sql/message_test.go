package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// day makes the broadcast that holds today's single messages, by some channels.
func (w world) day(t testing.TB, name string, channels ...wxcast.BroadcastChannel) wxcast.Broadcast {
	t.Helper()
	if len(channels) == 0 {
		channels = w.channels()
	}
	b, _, err := w.AddBroadcast(t.Context(), wxcast.Broadcast{AccountID: w.account, MiniID: w.mini, Channels: channels,
		Name: name, ContentHash: "h", MessageKey: name, State: wxcast.BroadcastRunning,
		Audience: wxcast.Audience{MiniUsers: true}, Rate: 1e6, TakesUntil: wxcast.DayOf(w.Now()).Next().Begin()})
	must(t, err)
	w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
	return b
}

func (w world) message(b wxcast.Broadcast, i int, key string) wxcast.NewMessage {
	channel := "any"
	if len(b.Channels) > 0 {
		channel = b.Channels[0].Name
	}
	return wxcast.NewMessage{BroadcastID: b.ID, TakesUntil: b.TakesUntil, Recipient: wxcast.Recipient(openid(i)),
		MiniOpenID: wxcast.MiniOpenID(fmt.Sprintf("m%06d", i)), Channel: channel, Vars: map[string]string{"order": key},
		Key: key, ContentHash: "hash of " + key, SendAt: w.Now()}
}

func (w world) addMessages(t testing.TB, all ...wxcast.NewMessage) []wxcast.AddedMessage {
	t.Helper()
	added, err := w.AddMessages(t.Context(), w.account, all)
	must(t, err)
	return added
}

func (w world) state(t testing.TB, id int64) wxcast.Message {
	t.Helper()
	m, err := w.Message(t.Context(), w.account, id)
	must(t, err)
	return m
}

// A key is one message, however often and by how many it is given at once.
func TestAKeyIsOneMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		var all sync.WaitGroup
		var mu sync.Mutex
		ids, fresh := map[int64]bool{}, 0
		for i := range 20 {
			all.Go(func() {
				batch := []wxcast.NewMessage{w.message(b, 1, "same"), w.message(b, 2, fmt.Sprint("own ", i)),
					w.message(b, 1, "same")}
				added, err := w.AddMessages(t.Context(), w.account, batch)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				for _, a := range []wxcast.AddedMessage{added[0], added[2]} {
					if ids[a.ID] = true; !a.Known {
						fresh++
					}
					if a.ContentHash != "hash of same" {
						t.Errorf("it has the content %q", a.ContentHash)
					}
				}
				if added[1].Known || added[1].ID == 0 {
					t.Errorf("another key's is %+v", added[1])
				}
			})
		}
		all.Wait()
		if len(ids) != 1 || fresh != 1 {
			t.Errorf("one key, 40 times: ids %v, stored %d times", ids, fresh)
		}
		if tally := w.tally(t, b); tally.Recipients != 21 || tally.Pending != 21 {
			t.Errorf("there are %+v", tally)
		}
		if keyless := w.addMessages(t, w.message(b, 3, ""), w.message(b, 3, "")); keyless[0].ID == keyless[1].ID ||
			keyless[0].Known || keyless[1].Known {
			t.Errorf("two without a key are %+v", keyless)
		}
	})
}

// Several messages of one broadcast to one person are each their own: claimed one at a time,
// recorded, and given their receipts.
func TestMessagesToOnePersonAreEachTheirOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		added := w.addMessages(t, w.message(b, 1, "a"), w.message(b, 1, "b"), w.message(b, 2, "c"))
		var order []int64
		for n, want := range []int{2, 1} {
			c := w.claim(t, b, "w", 10, time.Minute)
			if len(c.Retries) != want || len(c.Fresh) > 0 {
				t.Fatalf("claim %d holds %d due and %d fresh, want %d due", n, len(c.Retries), len(c.Fresh), want)
			}
			var outcomes []wxcast.Outcome
			for _, d := range c.Retries {
				order = append(order, d.Message)
				if d.MiniOpenID == "" || d.Vars["order"] == "" {
					t.Errorf("a delivery without what it needs: %+v", d)
				}
				outcomes = append(outcomes, wxcast.Outcome{Recipient: d.Recipient, Message: d.Message,
					State: wxcast.DeliverySent, MsgID: 100 + d.Message, AttemptedAt: w.Now()})
			}
			must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
				Lane: w.lane(), Outcomes: outcomes}))
		}
		must(t, w.RecordReceipts(t.Context(), w.account, anyChannel, w.lane(), []wxcast.Receipt{
			{OpenID: openid(1), MsgID: 100 + added[1].ID, Status: "success", At: w.Now()}}))
		slices.Sort(order)
		if want := []int64{added[0].ID, added[1].ID, added[2].ID}; !slices.Equal(order, want) {
			t.Errorf("claimed %v, want %v", order, want)
		}
		for i, a := range added {
			m := w.state(t, a.ID)
			if m.State != wxcast.DeliverySent || m.MsgID != 100+a.ID || (m.Receipt != "") != (i == 1) {
				t.Errorf("message %d is %+v", i, m)
			}
		}
		if c := w.claim(t, b, "w", 10, time.Minute); c.Exhausted || c.NextDue.Before(b.TakesUntil) {
			t.Errorf("with nothing to do before its day is over: %+v", c)
		}
	})
}

// What a worker has in hand is not cancelled, and what is cancelled never leaves.
func TestAMessageIsCancelledBeforeItLeaves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		later := w.message(b, 2, "later")
		later.SendAt = w.Now().Add(time.Hour)
		added := w.addMessages(t, w.message(b, 1, "now"), later)
		if c := w.claim(t, b, "w", 10, time.Minute); len(c.Retries) != 1 || c.Retries[0].Message != added[0].ID {
			t.Fatalf("claimed %+v", c.Retries)
		}
		for i, want := range []bool{false, true} {
			done, err := w.RevokeMessage(t.Context(), w.account, added[i].ID)
			must(t, err)
			if done != want {
				t.Errorf("message %d: cancelled is %v", i, done)
			}
		}
		if m := w.state(t, added[1].ID); m.State != wxcast.DeliverySkipped || m.ErrCode != wxcast.ErrCodeRevoked ||
			!m.NextAttemptAt.IsZero() {
			t.Errorf("the cancelled one is %+v", m)
		}
	})
}

// A message whose time is over does not leave, whether its broadcast works or stands still.
func TestAMessageExpires(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		over := func(i int) wxcast.NewMessage {
			m := w.message(b, i, fmt.Sprint("over ", i))
			m.SendAt, m.ExpiresAt = w.Now().Add(-2*time.Hour), w.Now().Add(-time.Hour)
			return m
		}
		first := w.addMessages(t, over(1), w.message(b, 2, "good"))
		c := w.claim(t, b, "w", 10, time.Minute)
		if len(c.Retries) != 1 || c.Retries[0].Message != first[1].ID || c.Skipped != 1 {
			t.Errorf("claimed %+v", c)
		}
		still := w.addMessages(t, over(3))
		commits := w.CountCommits(t)
		if n, err := w.ExpireMessages(t.Context(), w.account); err != nil || n != 1 {
			t.Errorf("expired %d, %v", n, err)
		}
		if n, err := w.ExpireMessages(t.Context(), w.account); err != nil || n != 0 || w.CountCommits(t) != commits+1 {
			t.Errorf("the second time %d %v, %d transactions, want one for both", n, err, w.CountCommits(t)-commits)
		}
		for _, id := range []int64{first[0].ID, still[0].ID} {
			if m := w.state(t, id); m.State != wxcast.DeliverySkipped || m.ErrCode != wxcast.ErrCodeExpired {
				t.Errorf("one whose time is over is %+v", m)
			}
		}
	})
}

// Messages take their time beside what broadcasts were given, and put off what those get next
// by as much; they are held to the rate, too.
func TestMessagesGoFirstWithinTheRate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		must(t, w.SetRate(t.Context(), b.Ref(), 10, 0))
		day := w.day(t, "m")
		must(t, w.SetRate(t.Context(), day.Ref(), 10, 0))
		ask := func(b wxcast.Broadcast, n int) wxcast.Claim {
			t.Helper()
			c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
				Worker: "w", Max: n, Span: time.Hour, Ahead: time.Hour, LeaseTTL: time.Minute})
			must(t, err)
			return c
		}
		bulk := ask(b, 10) // a second's
		var all []wxcast.NewMessage
		for i := range 10 {
			all = append(all, w.message(day, i+1, fmt.Sprint(i)))
		}
		w.addMessages(t, all...)
		one := ask(day, 5)
		if len(one.Retries) != 5 || one.Slot.Start.After(bulk.Slot.Start.Add(700*time.Millisecond)) {
			t.Errorf("%d messages begin at %v, in a broadcast's slot from %v to %v", len(one.Retries), one.Slot.Start,
				bulk.Slot.Start, bulk.Slot.End)
		}
		next := ask(b, 10)
		if late := next.Slot.Start.Sub(bulk.Slot.End); late < 490*time.Millisecond || late > 600*time.Millisecond {
			t.Errorf("after 5 messages at 10 a second the broadcast's next slot begins %v late", late)
		}
		two := ask(day, 5)
		if wait := two.Slot.Start.Sub(next.Slot.End); wait < -510*time.Millisecond {
			t.Errorf("more messages begin %v from the end of what was given away", wait)
		}
	})
}

// Broadcasts leave the day's messages what is reserved for them, and no more than that.
func TestBroadcastsLeaveMessagesTheirQuota(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		day := w.day(t, "m")
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 12})
		claim := func(b wxcast.Broadcast) wxcast.Claim {
			t.Helper()
			c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
				Worker: "w", Max: 100, Span: time.Hour, Ahead: time.Hour, LeaseTTL: time.Minute, Reserve: 5})
			must(t, err)
			return c
		}
		ask := func(b wxcast.Broadcast) int {
			t.Helper()
			c := claim(b)
			return len(c.Retries) + len(c.Fresh)
		}
		var all []wxcast.NewMessage
		for i := range 3 {
			all = append(all, w.message(day, i+1, fmt.Sprint(i)))
		}
		w.addMessages(t, all[:1]...)
		must(t, w.GiveBack(t.Context(), day, claim(day))) // which does not count as sent
		got := []int{ask(day), ask(b)}                    // 1 of the 5; so 4 stay free of the 11 that are left
		w.addMessages(t, all[1:]...)
		got = append(got, ask(day), ask(b))
		if want := []int{1, 7, 2, 0}; !slices.Equal(got, want) {
			t.Errorf("claims hold %v, want %v", got, want)
		}
	})
}

// A clock that was ahead leaves reminders where they are.
func TestRemindersOutliveAClockThatWentBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		in := w.message(b, 1, "reminder")
		in.SendAt = w.Now().Add(5 * time.Hour)
		added := w.addMessages(t, in)
		w.Skew(24 * time.Hour)
		w.addMessages(t, w.message(wxcast.Broadcast{ID: b.ID, TakesUntil: b.TakesUntil.Add(48 * time.Hour)}, 2,
			"ahead"))
		w.Skew(-24 * time.Hour)
		c := w.claim(t, b, "w", 10, time.Minute)
		if c.ClockBack == 0 {
			t.Fatal("the clock did not go back")
		}
		if m := w.state(t, added[0].ID); m.NextAttemptAt.Sub(in.SendAt).Abs() > time.Second ||
			m.State != wxcast.DeliveryPending {
			t.Errorf("a reminder for %v is due at %v (%s)", in.SendAt, m.NextAttemptAt, m.State)
		}
	})
}

func TestAPresetKeepsItsVersions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		put := func(spec string, version int, added bool) {
			t.Helper()
			p, is, err := w.PutPreset(t.Context(), w.account, "order", spec)
			if err != nil || p.Version != version || is != added || p.Spec != spec {
				t.Errorf("put %q: %+v, %v, %v", spec, p, is, err)
			}
		}
		put("one", 1, true)
		put("one", 1, false)
		put("two", 2, true)
		if p, err := w.Preset(t.Context(), w.account, "order", 1); err != nil || p.Spec != "one" {
			t.Errorf("version 1 is %+v, %v", p, err)
		}
		if all, err := w.Presets(t.Context(), w.account); err != nil || len(all) != 1 || all[0].Version != 2 {
			t.Errorf("the presets are %+v, %v", all, err)
		}
		must(t, w.RemovePreset(t.Context(), w.account, "order"))
		if _, err := w.Preset(t.Context(), w.account, "order", 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a removed one: %v", err)
		}
		if err := w.RemovePreset(t.Context(), w.account, "order"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("removed again: %v", err)
		}
		put("two", 3, true)
	})
}

func TestWhoIsFoundByAnyID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t) // followers 1 to 3, mini users 1 to 6
		_, err := w.Unfollow(t.Context(), w.account, []wxcast.OpenID{openid(2)}, w.Now())
		must(t, err)
		found, err := w.FindRecipients(t.Context(), w.account, w.mini, []string{"o000001", "u000001", "m000001",
			"o000002",
			"m000004", "u000005", "nobody"})
		must(t, err)
		for id, want := range map[string]string{
			"o000001": "o000001 m000001 true", "u000001": "o000001 m000001 true", "m000001": "o000001 m000001 true",
			"o000002": "o000002 m000002 false", "m000004": "m000004 m000004 false", "u000005": "m000005 m000005 false",
		} {
			d := found[id]
			if got := fmt.Sprint(d.Recipient, " ", d.MiniOpenID, " ", d.Subscribed); got != want {
				t.Errorf("%s is %s, want %s", id, got, want)
			}
		}
		if _, ok := found["nobody"]; ok || len(found) != 6 {
			t.Errorf("found %d", len(found))
		}
	})
}

// When its day is over and all of its messages have their end, so has their broadcast; before
// that it waits for more. Nothing is stored in it then.
func TestADayOfMessagesEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		w.addMessages(t, w.message(b, 1, "one"))
		c := w.claim(t, b, "w", 10, time.Minute)
		due := func() time.Time {
			t.Helper()
			all, err := w.Survey(t.Context(), w.account, []int64{b.ID}, nil)
			must(t, err)
			return all[0].Due
		}
		w.PretendLater(b.TakesUntil.Sub(w.Now()) + 2*time.Minute)
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
		if c := w.claim(t, b, "w", 10, time.Minute); c.Exhausted {
			t.Error("its day is over while a message of it is under way")
		}
		w.record(t, b, "w", wxcast.DeliverySent, c.Retries)
		if at := due(); at.After(w.Now()) {
			t.Errorf("nobody looks at it before %v", at)
		}
		if c := w.claim(t, b, "w", 10, time.Minute); !c.Exhausted {
			t.Errorf("with nothing to do after its day: %+v", c)
		}
		if _, err := w.AddMessages(t.Context(), w.account, []wxcast.NewMessage{w.message(b, 2,
			"late")}); !errors.Is(err,
			wxcast.ErrTooLate) {
			t.Errorf("one more after its day: %v", err)
		}
	})
}

// How late single messages are is told, and what is for later is not late.
func TestHowLateMessagesAre(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		lag := func() time.Duration {
			t.Helper()
			late, err := w.MessageLag(t.Context(), w.account)
			must(t, err)
			return late.Round(10 * time.Second)
		}
		if late := lag(); late != 0 {
			t.Errorf("without messages: %v", late)
		}
		later := w.message(b, 2, "later")
		later.SendAt = w.Now().Add(time.Hour)
		w.addMessages(t, w.message(b, 1, "now"), later)
		db.PretendLater(90 * time.Second)
		if late := lag(); late != 90*time.Second {
			t.Errorf("after 90 seconds: %v", late)
		}
		moved, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
			To: wxcast.BroadcastPaused})
		if err != nil || !moved {
			t.Fatal(moved, err)
		}
		if late := lag(); late != 0 {
			t.Errorf("while somebody has paused them: %v", late)
		}
	})
}
