package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Who had enough messages in a day or a week is left out of the next: the first had one an hour ago,
// the second five days ago, the third none.
func TestWhoHadEnoughIsLeftOut(t *testing.T) {
	for _, test := range []struct {
		name string
		cap  wxcast.FrequencyCap
		want []wxcast.Recipient
	}{
		{"none", wxcast.FrequencyCap{}, []wxcast.Recipient{"o000001", "o000002", "o000003"}},
		{"one a day", wxcast.FrequencyCap{Day: 1}, []wxcast.Recipient{"o000002", "o000003"}},
		{"two a day", wxcast.FrequencyCap{Day: 2}, []wxcast.Recipient{"o000001", "o000002", "o000003"}},
		{"one a week", wxcast.FrequencyCap{Week: 1}, []wxcast.Recipient{"o000003"}},
		{"two a week", wxcast.FrequencyCap{Week: 2}, []wxcast.Recipient{"o000001", "o000002", "o000003"}},
		{"two a day, one a week", wxcast.FrequencyCap{Day: 2, Week: 1}, []wxcast.Recipient{"o000003"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				before := w.broadcastTo(t, 3)
				had := w.claim(t, before, "w", 2, time.Minute)
				var outcomes []wxcast.Outcome
				for i, ago := range []time.Duration{time.Hour, 5 * 24 * time.Hour} {
					outcomes = append(outcomes, wxcast.Outcome{Recipient: had.Fresh[i].Recipient, MsgID: int64(i + 1),
						State: wxcast.DeliverySent, AttemptedAt: w.Now().Add(-ago)})
				}
				w.ends(t, before, anyChannel, had.LeaseID, outcomes...)
				c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: w.next(t, before, "next", "TPL_ID").Ref(),
					Channel: anyChannel, Lane: w.lane(), Worker: "w", Max: 10, Span: time.Hour, Ahead: time.Hour,
					LeaseTTL: time.Minute, Cap: test.cap})
				must(t, err)
				if got := ids(c.Fresh); !slices.Equal(got, test.want) || c.Skipped != 3-len(test.want) {
					t.Errorf("%v get it and %d do not, want %v", got, c.Skipped, test.want)
				}
			})
		})
	}
}

// A message that may be out already does not wait for an older one: its outcome is to be known while
// WeChat still takes it for the same.
func TestWhatIsInDoubtWaitsForNoOlderMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		older := w.broadcastTo(t, 1)
		newer := w.add(t, "newer", bridged(w.mini))
		w.fix(t, newer)
		if dead := w.claim(t, newer, "dead", 1, time.Second); len(dead.Fresh) != 1 {
			t.Fatalf("%+v", dead)
		}
		c := w.claim(t, older, "w", 1, time.Minute)
		w.ends(t, older, anyChannel, c.LeaseID, wxcast.Outcome{Recipient: "o000001", ErrCode: -1,
			Hold: wxcast.Hold{LeaseID: c.LeaseID}, State: wxcast.DeliveryPending, AttemptedAt: w.Now(),
			NextAttemptAt: w.Now().Add(time.Minute)})
		w.PretendLater(2 * time.Second)
		for range 2 { // the quota is to be read again, since something is in doubt
			if c = w.claim(t, newer, "w", 1, time.Minute); len(c.Retries) > 0 {
				break
			}
			w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
		}
		if len(c.Retries) != 1 {
			t.Errorf("%+v, want the one that is in doubt", c)
		}
	})
}

// A consent that was taken for a message is given back where the person asks for no more before it
// has left.
func TestAConsentIsGivenBackWhereItsMessageIsLeftOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1})
		b := w.by(t, "b", consent)
		c := w.take(t, b, consent, "w", time.Minute)
		w.ends(t, b, consent, c.LeaseID, wxcast.Outcome{Recipient: "o000001", ID: "m000001", ErrCode: -1,
			Hold: wxcast.Hold{LeaseID: c.LeaseID}, State: wxcast.DeliveryPending, AttemptedAt: w.Now(),
			NextAttemptAt: w.Now()})
		if left := w.left(t)["m000001"]; left != 0 {
			t.Fatalf("%d consents are left, want the only one to be with its message", left)
		}
		_, _, err := w.AddOptOuts(t.Context(), w.account, []string{"o000001"}, "test")
		must(t, err)
		if c = w.take(t, b, consent, "w", time.Minute); c.Skipped != 1 {
			t.Errorf("%+v, want nobody", c)
		}
		if left := w.left(t)["m000001"]; left != 1 {
			t.Errorf("%d consents are left, want the one that was not used", left)
		}
	})
}

// A message whose time is over is not claimed, whoever has not marked it as expired yet.
func TestAMessageWhoseTimeIsOverIsLeftOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.day(t, "m")
		late, timely := w.message(b, 1, "late"), w.message(b, 2, "timely")
		late.ExpiresAt, timely.ExpiresAt = w.Now().Add(time.Second), w.Now().Add(time.Minute)
		added := w.addMessages(t, late, timely)
		w.PretendLater(2 * time.Second)
		c := w.claim(t, b, "w", 10, time.Minute)
		if len(c.Retries) != 1 || c.Retries[0].Message != added[1].ID || c.Skipped != 1 {
			t.Errorf("%+v, want the second alone", c)
		}
		if m := w.state(t, added[0].ID); m.ErrCode != wxcast.ErrCodeExpired {
			t.Errorf("the first is %+v", m)
		}
	})
}

// A single message counts those that its person has had of the same day, but not itself; and it waits
// for no broadcast's message that is being tried again.
func TestASingleMessageIsCappedAndWaitsForNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		older := w.broadcastTo(t, 2)
		c := w.claim(t, older, "w", 2, time.Minute)
		var again []wxcast.Outcome
		for _, d := range c.Fresh {
			again = append(again, wxcast.Outcome{Recipient: d.Recipient, ErrCode: -1,
				Hold: wxcast.Hold{LeaseID: c.LeaseID}, State: wxcast.DeliveryPending, AttemptedAt: w.Now(),
				NextAttemptAt: w.Now().Add(time.Minute)})
		}
		w.ends(t, older, anyChannel, c.LeaseID, again...)
		b := w.day(t, "m")
		take := func() wxcast.Claim {
			t.Helper()
			c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
				Worker: "w", Max: 10, Span: time.Hour, Ahead: time.Hour, LeaseTTL: time.Minute,
				Cap: wxcast.FrequencyCap{Day: 1}})
			must(t, err)
			return c
		}
		first := w.addMessages(t, w.message(b, 1, "first"))[0]
		c = take()
		if len(c.Retries) != 1 || c.Retries[0].Message != first.ID {
			t.Fatalf("%+v, want the first", c)
		}
		w.record(t, b, "w", wxcast.DeliverySent, c.Retries)
		second := w.addMessages(t, w.message(b, 1, "second"), w.message(b, 2, "another's"))
		c = take()
		if len(c.Retries) != 1 || c.Retries[0].Message != second[1].ID || c.Skipped != 1 {
			t.Errorf("%+v, want the other person's alone", c)
		}
		if m := w.state(t, second[0].ID); m.ErrCode != wxcast.ErrCodeCapped {
			t.Errorf("the second is %+v", m)
		}
	})
}
