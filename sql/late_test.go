package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A process that stood still tells late that a message is to be tried again: by then it is another's,
// who may be sending it, and is given to no third.
func TestWhatAnotherHasIsNotMadeDueAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 1)
		again := func(hold wxcast.Hold, worker string) {
			t.Helper()
			must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: worker,
				Lane: w.lane(), Outcomes: []wxcast.Outcome{{Recipient: wxcast.Recipient(openid(1)), ErrCode: -1,
					Hold: hold, State: wxcast.DeliveryPending, AttemptedAt: w.Now(), NextAttemptAt: w.Now()}}}))
		}
		claim := func(worker string, ttl time.Duration) (c wxcast.Claim) {
			t.Helper()
			if c = w.claim(t, b, worker, 1, ttl); c.QuotaUnread { // since something is in doubt
				w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
				c = w.claim(t, b, worker, 1, ttl)
			}
			return c
		}
		fresh := claim("w1", time.Second)
		w.PretendLater(2 * time.Second)
		retry := claim("w2", time.Second)
		if len(fresh.Fresh) != 1 || len(retry.Retries) != 1 {
			t.Fatalf("%+v %+v", fresh, retry)
		}
		again(wxcast.Hold{LeaseID: fresh.LeaseID}, "w1")
		if c := claim("w3", time.Second); len(c.Retries) != 0 {
			t.Errorf("%+v, and it is the second's", c)
		}
		w.PretendLater(2 * time.Second)
		third := claim("w3", time.Minute)
		if len(third.Retries) != 1 {
			t.Fatalf("%+v, want it when the second's time is over", third)
		}
		again(wxcast.Hold{Until: retry.RetriesUntil}, "w2")
		if c := claim("w4", time.Second); len(c.Retries) != 0 {
			t.Errorf("%+v, and it is the third's", c)
		}
		again(wxcast.Hold{Until: third.RetriesUntil}, "w3")
		if c := claim("w4", time.Second); len(c.Retries) != 1 {
			t.Errorf("%+v, want it: who had it says that it is to be tried again", c)
		}
	})
}

// Nor is one that has its end taken over by the next channel, when a refusal is told late.
func TestWhatHasItsEndFallsToNoOtherChannel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1})
		b := w.by(t, "both", consent, anyChannel)
		c := w.take(t, b, consent, "w", time.Minute)
		if len(c.Fresh) != 1 {
			t.Fatalf("%+v", c)
		}
		at := w.Now()
		w.ends(t, b, consent, 0, wxcast.Outcome{Recipient: "o000001", ID: "m000001", State: wxcast.DeliveryUnknown,
			ErrCode: wxcast.ErrCodeTransport, OpenSince: at, AttemptedAt: at})
		w.ends(t, b, consent, c.LeaseID, wxcast.Outcome{Recipient: "o000001", ID: "m000001", ErrCode: 43101,
			State: wxcast.DeliveryPending, AttemptedAt: at, FallsTo: anyChannel.Name})
		for _, d := range w.take(t, b, anyChannel, "w", time.Minute).Retries {
			if d.Recipient == "o000001" {
				t.Error("an outcome that is unknown goes out by the next channel")
			}
		}
	})
}

// What a process gives back that it has not noted may be noted by another, who stood still and is
// sending it: the note stays, and it is not sent again.
func TestAnothersNoteStaysWhenItIsGivenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000004": 2})
		b := w.by(t, "noted", consent)
		first := w.take(t, b, consent, "w1", time.Second)
		w.PretendLater(2 * time.Second)
		var second wxcast.Claim
		for range 3 { // once it finds the lease, then the quota is to be read again
			if second = w.take(t, b, consent, "w2", time.Minute); len(second.Retries) > 0 {
				break
			}
			w.toldOf(t, consent.Lane(b), wxcast.Quota{Limit: 1000})
		}
		if len(first.Fresh) != 1 || len(second.Retries) != 1 {
			t.Fatalf("%+v %+v", first, second)
		}
		key := first.Fresh[0].Key()
		for n, want := range []int{1, 0} { // the first, who stood still, then the second
			noted, err := w.HandOver(t.Context(), b.Ref(), consent, []wxcast.DeliveryKey{key})
			if must(t, err); len(noted) != want {
				t.Fatalf("%d: noted %v", n, noted)
			}
		}
		second.NotNoted = []wxcast.DeliveryKey{key}
		must(t, w.GiveBack(t.Context(), b, second))
		c := w.take(t, b, consent, "w3", time.Minute)
		if len(c.Retries) != 1 || c.Retries[0].OpenSince.IsZero() {
			t.Errorf("%+v, want it in doubt: the first may have sent it", c)
		}
		noted, err := w.HandOver(t.Context(), b.Ref(), consent, []wxcast.DeliveryKey{key})
		if err != nil || len(noted) > 0 {
			t.Errorf("it may be sent again: %v %v", noted, err)
		}
	})
}

// Where each message is noted before it leaves, who noted it knows best: told late that WeChat was busy,
// and nothing left, it is tried again, though another found it in doubt meanwhile.
func TestWhoNotedAMessageTellsThatItGoesOn(t *testing.T) {
	for _, retry := range []bool{false, true} {
		t.Run(map[bool]string{false: "at its first attempt", true: "at a retry"}[retry], func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.people(t)
				w.permit(t, map[wxcast.Recipient]int64{"m000001": 2})
				b := w.by(t, "noted", consent)
				busy := func(hold wxcast.Hold) {
					t.Helper()
					w.ends(t, b, consent, 0, wxcast.Outcome{Recipient: "o000001", ID: "m000001", ErrCode: -1,
						Hold:  hold,
						State: wxcast.DeliveryPending, AttemptedAt: w.Now(), NextAttemptAt: w.Now()})
				}
				first := w.take(t, b, consent, "w1", time.Second)
				hold := wxcast.Hold{LeaseID: first.LeaseID}
				if retry {
					busy(hold)
					first = w.take(t, b, consent, "w1", time.Second)
					hold = wxcast.Hold{Until: first.RetriesUntil}
				}
				noted, err := w.HandOver(t.Context(), b.Ref(), consent, []wxcast.DeliveryKey{{Recipient: "o000001"}})
				if err != nil || len(noted) != 1 {
					t.Fatal(noted, err)
				}
				w.PretendLater(5 * time.Second)
				take := func(worker string) (c wxcast.Claim) {
					for range 3 { // once it finds the lease, then the quota is to be read again
						if c = w.take(t, b, consent, worker, time.Minute); len(c.Retries) > 0 {
							break
						}
						w.toldOf(t, consent.Lane(b), wxcast.Quota{Limit: 1000})
					}
					return c
				}
				if c := take("w2"); len(c.Retries) != 1 || c.Retries[0].OpenSince.IsZero() {
					t.Fatalf("%+v, want it in doubt: the first stands still", c)
				}
				busy(hold)
				if c := take("w3"); len(c.Retries) != 1 || !c.Retries[0].OpenSince.IsZero() {
					t.Errorf("%+v, want it once more, and in no doubt", c)
				}
			})
		})
	}
}

// An end is taken whoever has the delivery by now: what WeChat answered is so.
func TestAnEndIsTakenHoweverLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 1)
		c := w.claim(t, b, "w1", 1, time.Minute)
		w.ends(t, b, anyChannel, c.LeaseID, wxcast.Outcome{Recipient: "o000001", ErrCode: -1,
			Hold: wxcast.Hold{LeaseID: c.LeaseID}, State: wxcast.DeliveryPending, AttemptedAt: w.Now(),
			NextAttemptAt: w.Now()})
		first := w.claim(t, b, "w1", 1, time.Second)
		w.PretendLater(5 * time.Second)
		if second := w.claim(t, b, "w2", 1, time.Minute); len(first.Retries) != 1 || len(second.Retries) != 1 {
			t.Fatalf("%+v %+v", first, second)
		}
		w.ends(t, b, anyChannel, 0, wxcast.Outcome{Recipient: "o000001", ErrCode: 43004,
			Hold: wxcast.Hold{Until: first.RetriesUntil}, State: wxcast.DeliveryFailed, AttemptedAt: w.Now()})
		if got := w.tally(t, b); got.Failed != 1 || got.Pending != 0 {
			t.Errorf("%+v, want it to have failed", got)
		}
	})
}

// What a process had in hand when it died is in doubt since it had it. Another channel's claim, by
// which nothing is out that was not noted, leaves it as it is.
func TestWhatADeadWorkerHadIsJudgedByItsOwnChannel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.by(t, "two", anyChannel, consent)
		dead := w.take(t, b, anyChannel, "dead", time.Second)
		w.PretendLater(2 * time.Second)
		w.take(t, b, consent, "alive", time.Minute)
		var c wxcast.Claim
		for range 3 { // once it finds the lease, then the quota is to be read again
			if c = w.take(t, b, anyChannel, "alive", time.Minute); len(c.Retries) > 0 {
				break
			}
			w.toldOf(t, anyChannel.Lane(b), wxcast.Quota{Limit: 1000})
		}
		if len(dead.Fresh) == 0 || len(c.Retries) != len(dead.Fresh) {
			t.Fatalf("%+v, want what the dead one had: %+v", c, dead)
		}
		for _, d := range c.Retries {
			if d.OpenSince.IsZero() {
				t.Errorf("%s is not in doubt: it would be repeated for ever", d.Recipient)
			}
		}
	})
}

// Of two outcomes for one message that are written together, acceptance counts, or else the later one:
// an attempt that outlived its lease may end beside the next one's.
func TestOfTwoOutcomesTogetherAcceptanceCounts(t *testing.T) {
	const sent, failed, unknown = wxcast.DeliverySent, wxcast.DeliveryFailed, wxcast.DeliveryUnknown
	for _, test := range []struct{ first, second, want wxcast.DeliveryState }{
		{sent, failed, sent}, {failed, sent, sent}, {failed, unknown, unknown}, {unknown, failed, failed},
	} {
		t.Run(string(test.first)+", "+string(test.second), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				b := w.broadcastTo(t, 1)
				c := w.claim(t, b, "w", 1, time.Minute)
				var both []wxcast.Outcome
				for _, state := range []wxcast.DeliveryState{test.first, test.second} {
					o := wxcast.Outcome{Recipient: c.Fresh[0].Recipient, State: state, AttemptedAt: w.Now()}
					if state == sent {
						o.MsgID = 7
					} else {
						o.ErrCode = 43004
					}
					both = append(both, o)
				}
				must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w",
					Lane: w.lane(), DoneLeases: []int64{c.LeaseID}, Outcomes: both}))
				tally := w.tally(t, b)
				got := map[wxcast.DeliveryState]int64{sent: tally.Sent, failed: tally.Failed, unknown: tally.Unknown}
				if got[test.want] != 1 {
					t.Errorf("%+v, want it %s", tally, test.want)
				}
			})
		})
	}
}
