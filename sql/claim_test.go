package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestClaimsShareTheDeliveriesWithoutOverlap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 25)
		seen := map[wxcast.OpenID]string{}
		for i := 0; ; i++ {
			worker := fmt.Sprintf("w%d", i%3)
			c := w.claim(t, b, worker, 4, time.Minute)
			if len(c.Fresh) == 0 {
				break
			}
			for _, d := range c.Fresh {
				if first, twice := seen[d.OpenID]; twice {
					t.Errorf("%s claimed by %s and %s", d.OpenID, first, worker)
				}
				seen[d.OpenID] = worker
				if d.UnionID == "" || d.MiniOpenID == "" || len(d.Tags) != 1 || d.SubscribeTime.Unix() != 1700000000 {
					t.Errorf("delivery lacks facts of its follower: %+v", d)
				}
			}
			w.record(t, b, worker, wxcast.DeliverySent, c.Fresh, c.LeaseID)
		}
		if len(seen) != 25 {
			t.Errorf("%d of 25 claimed", len(seen))
		}
		if c := w.claim(t, b, "w9", 4, time.Minute); !c.Exhausted {
			t.Errorf("not exhausted: %+v", c)
		}
		if got := w.tally(t, b); got.Sent != 25 || got.Recipients != 25 {
			t.Errorf("tally %+v", got)
		}
		if days, err := w.QuotaDays(t.Context(), w.account, wxcast.DayOf(w.Now())); err != nil || days[0].Used != 25 ||
			days[0].Ours != 25 {
			t.Errorf("%+v %v", days, err)
		}
	})
}

func TestADeadWorkersDeliveriesComeBackAsOpen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 10)
		first := w.claim(t, b, "dead", 6, time.Millisecond)
		w.record(t, b, "dead", wxcast.DeliverySent, first.Fresh[:2])
		w.PretendLater(5 * time.Millisecond)

		if c := w.claim(t, b, "alive", 10, time.Minute); !c.QuotaUnread {
			t.Errorf("nobody asks what the dead used: %+v", c)
		}
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000, Used: 6})
		second := w.claim(t, b, "alive", 10, time.Minute)
		if len(second.Retries) != 4 || len(second.Fresh) != 4 {
			t.Fatalf("%d retries and %d fresh, want 4 and 4", len(second.Retries), len(second.Fresh))
		}
		for _, d := range second.Retries {
			if d.OpenSince.IsZero() {
				t.Errorf("%s may have been sent and is not open", d.OpenID)
			}
		}
		for _, d := range second.Fresh {
			if !d.OpenSince.IsZero() {
				t.Errorf("%s was never claimed and is open", d.OpenID)
			}
		}
		w.record(t, b, "alive", wxcast.DeliverySent, second.Retries)
		w.record(t, b, "alive", wxcast.DeliveryFailed, second.Fresh, second.LeaseID)
		if got := w.tally(t, b); got.Sent != 6 || got.Failed != 4 || got.ByErrCode[43004] != 4 {
			t.Errorf("tally %+v", got)
		}
		if c := w.claim(t, b, "alive", 10, time.Minute); !c.Exhausted {
			t.Errorf("not exhausted: %+v", c)
		}
	})
}

func TestARetryClaimedByADeadWorkerComesBackAsOpen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 1)
		c := w.claim(t, b, "w1", 1, time.Minute)
		must(t, w.recordAll(t.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: b.Ref(), Worker: "w1",
			Lane: w.lane(),
			Outcomes: []wxcast.Outcome{{Recipient: wxcast.Recipient(openid(1)), State: wxcast.DeliveryPending,
				ErrCode: 45011, AttemptedAt: w.Now(), NextAttemptAt: w.Now(), Hold: wxcast.Hold{LeaseID: c.LeaseID}}},
			DoneLeases: []int64{c.LeaseID}}))
		retry := w.claim(t, b, "w2", 1, time.Millisecond)
		if len(retry.Retries) != 1 || !retry.Retries[0].OpenSince.IsZero() || retry.Retries[0].Attempts != 1 {
			t.Fatalf("a refused delivery is not open: %+v", retry)
		}
		if c := w.claim(t, b, "w3", 1, time.Minute); len(c.Retries) == 0 {
			w.PretendLater(5 * time.Millisecond)
			retry = w.claim(t, b, "w3", 1, time.Minute)
		} else {
			retry = c
		}
		if len(retry.Retries) != 1 || retry.Retries[0].OpenSince.IsZero() {
			t.Errorf("the attempt of a dead worker is not open: %+v", retry)
		}
		if c := w.claim(t, b, "w4", 1, time.Minute); len(c.Retries) != 0 || c.Exhausted || c.NextDue.IsZero() {
			t.Errorf("a claimed retry was claimed again: %+v", c)
		}
	})
}

func TestAcceptedIsTheTruthHoweverLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 3)
		c := w.claim(t, b, "w", 3, time.Minute)
		w.record(t, b, "w", wxcast.DeliveryUnknown, c.Fresh[:1])
		w.record(t, b, "w", wxcast.DeliverySent, c.Fresh[1:2])
		w.record(t, b, "w", wxcast.DeliveryFailed, c.Fresh[2:], c.LeaseID)
		w.record(t, b, "late", wxcast.DeliverySent, c.Fresh[:1])
		w.record(t, b, "late", wxcast.DeliveryFailed, c.Fresh[1:2])
		if got := w.tally(t, b); got.Sent != 2 || got.Failed != 1 || got.Unknown != 0 {
			t.Errorf("tally %+v", got)
		}
	})
}

func TestWhatIsAnothersByNowIsNotGivenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 10)
		stopped := w.claim(t, b, "stopped", 10, time.Millisecond)
		w.PretendLater(5 * time.Millisecond)
		w.claim(t, b, "next", 10, time.Minute)
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
		next := w.claim(t, b, "next", 10, time.Minute)
		must(t, w.GiveBack(t.Context(), b, stopped))
		must(t, w.GiveBack(t.Context(), b, wxcast.Claim{Day: next.Day, RetriesUntil: w.Now().Add(-time.Second),
			Retries: next.Retries}))
		if c := w.claim(t, b, "third", 10, time.Minute); len(next.Retries) != 10 || len(c.Retries) != 0 ||
			c.NextDue.IsZero() {
			t.Errorf("%d were taken over, and then %d given away", len(next.Retries), len(c.Retries))
		}
	})
}

func TestQuotaIsReservedWithTheClaimAndGivenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 20)
		day := wxcast.DayOf(w.Now())
		w.told(t, day, wxcast.Quota{Limit: 12, Used: 2})
		claim := func(n int) wxcast.Claim {
			c, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: anyChannel, Lane: w.lane(),
				Worker: "w", Max: n, Span: time.Hour, QuotaKeep: 3, LeaseTTL: time.Minute})
			must(t, err)
			return c
		}
		c := claim(20)
		if len(c.Fresh) != 7 {
			t.Fatalf("claimed %d; limit 12, used 2, keep 3", len(c.Fresh))
		}
		if again := claim(20); !again.QuotaSpent || len(again.Fresh) != 0 {
			t.Errorf("claimed beyond the quota: %+v", again)
		}
		c.Fresh = c.Fresh[5:]
		must(t, w.GiveBack(t.Context(), b, c))
		if again := claim(20); len(again.Retries) != 2 || !again.Retries[0].OpenSince.IsZero() {
			t.Errorf("what was given back is not claimable as it was: %+v", again)
		}

		// WeChat's counter lags: ours stands. It fell: it was reset, and the seven in
		// flight are still to come.
		for _, step := range []struct{ read, wantUsed int64 }{{6, 9}, {11, 11}, {1, 8}} {
			w.told(t, day, wxcast.Quota{Limit: 12, Used: step.read})
			days, err := w.QuotaDays(t.Context(), w.account, day)
			must(t, err)
			if len(days) != 2 || days[0].Used != step.wantUsed || days[0].Ours != 0 {
				t.Errorf("after reading %d: %+v, want used %d and no call yet", step.read, days, step.wantUsed)
			}
		}
	})
}

// Of what is given back, the calls that WeChat refused are used, and recorded as ours.
func TestARefusedCallKeepsItsQuota(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 5)
		c := w.claim(t, b, "w", 5, time.Minute)
		c.Called = 2
		must(t, w.GiveBack(t.Context(), b, c))
		days, err := w.QuotaDays(t.Context(), w.account, wxcast.DayOf(w.Now()))
		must(t, err)
		if len(days) != 2 || days[0].Used != 2 || days[0].Ours != 2 {
			t.Errorf("%+v, want 2 calls used, both recorded", days)
		}
	})
}

func TestWhatTheDeadReservedIsAskedOfWeChat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 10)
		day := wxcast.DayOf(w.Now())
		w.told(t, day, wxcast.Quota{Limit: 12})
		w.claim(t, b, "dead", 10, time.Millisecond)
		w.PretendLater(5 * time.Millisecond)
		if c := w.claim(t, b, "next", 10, time.Minute); !c.QuotaUnread || len(c.Retries) != 0 {
			t.Fatalf("claimed without asking: %+v", c)
		}
		// Of its ten calls WeChat had four, and no limit is told: the known one stays.
		w.told(t, day, wxcast.Quota{Used: 4})
		if c := w.claim(t, b, "next", 10, time.Minute); len(c.Retries) != 8 {
			t.Errorf("claimed %d of the eight that are left", len(c.Retries))
		}
	})
}

// What is recorded while WeChat's answer is on its way need not be in that answer.
func TestCallsRecordedWhileWeChatIsAskedCountAsInFlight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 30)
		day := wxcast.DayOf(w.Now())
		w.told(t, day, wxcast.Quota{Limit: 12})
		w.claim(t, b, "dead", 4, 8*time.Second)
		c := w.claim(t, b, "next", 5, time.Minute)
		w.PretendLater(9 * time.Second)
		if c := w.claim(t, b, "next", 10, time.Minute); !c.QuotaUnread {
			t.Fatalf("claimed without asking: %+v", c)
		}
		// Of nine calls WeChat counts six, and the five are recorded before that is known here.
		_, err := w.ReadQuota(t.Context(), w.lane(), day, func(context.Context, string) (wxcast.Quota, error) {
			w.record(t, b, "next", wxcast.DeliverySent, c.Fresh, c.LeaseID)
			return wxcast.Quota{Limit: 12, Used: 6}, nil
		})
		must(t, err)
		if c := w.claim(t, b, "next", 10, time.Minute); len(c.Retries)+len(c.Fresh) > 3 {
			t.Errorf("claimed %d more of the three that are left", len(c.Retries)+len(c.Fresh))
		}
	})
}

func TestReservationsOfTheDeadAreFreeOnceWeAreQuiet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 10)
		day := wxcast.DayOf(w.Now())
		w.claim(t, b, "dead", 10, time.Millisecond)
		read := func(used, want int64) {
			t.Helper()
			w.told(t, day, wxcast.Quota{Limit: 1000, Used: used})
			days, err := w.QuotaDays(t.Context(), w.account, day)
			must(t, err)
			if days[0].Used != want {
				t.Errorf("used %d, want %d", days[0].Used, want)
			}
		}
		read(4, 10)
		must(t, w.PretendQuiet(t.Context(), w.lane(), 2*time.Minute))
		read(4, 4)
		// Nor do they count when WeChat's counter is cleared while we send again.
		must(t, w.PretendQuiet(t.Context(), w.lane(), 0))
		read(1, 1)
	})
}

func TestWithoutAReadQuotaNothingIsClaimed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 1)
		account2, err := db.EnsureApp(t.Context(), "wxother", wxcast.KindOfficialAccount)
		must(t, err)
		b2, _, err := w.AddBroadcast(t.Context(),
			wxcast.Broadcast{AccountID: account2, Channels: w.channels(), MiniID: b.MiniID, Name: "b", ContentHash: "h",
				MessageKey: "k2", State: wxcast.BroadcastRunning, Rate: 1e6})
		must(t, err)
		if c := w.claim(t, b2, "w", 1, time.Minute); !c.QuotaUnread {
			t.Errorf("%+v", c)
		}
	})
}

// What waits for quota goes on when enough of it is seen to be there: it was cleared, or the
// refusal was an accident. What waits for something else does not.
func TestWhereWeChatTellsNoLimitNobodyWaitsForQuota(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 1)
		b := w.add(t, "b", wxcast.Audience{})
		moved, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
			To: wxcast.BroadcastWaiting, ResumeAt: w.Now().Add(12 * time.Hour), ForQuota: true, Keep: 500})
		if err != nil || !moved {
			t.Fatal(moved, err)
		}
		w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{})
		if woken, err := w.WakeForQuota(t.Context(), w.account, w.lane()); err != nil || woken != 1 {
			t.Errorf("%d go on (%v), want the one that waits", woken, err)
		}
	})
}

func TestQuotaThatIsThereAgainWakesWhatWaitsForIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 1)
		until := w.Now().Add(12 * time.Hour).Truncate(time.Second)
		waiting := func(name string, m wxcast.Move) wxcast.Broadcast {
			b := w.add(t, name, wxcast.Audience{})
			m.From, m.To, m.ResumeAt = wxcast.BroadcastRunning, wxcast.BroadcastWaiting, until
			moved, err := w.MoveBroadcast(t.Context(), b.Ref(), m)
			if err != nil || !moved {
				t.Fatal(moved, err)
			}
			return b
		}
		all := waiting("all", wxcast.Move{ForQuota: true})
		keeps := waiting("keeps", wxcast.Move{ForQuota: true, Keep: 500})
		night := waiting("night", wxcast.Move{})
		due := func() (names []string) {
			t.Helper()
			_, err := w.WakeForQuota(t.Context(), w.account, w.lane())
			must(t, err)
			due, err := w.BroadcastsDue(t.Context(), w.account)
			must(t, err)
			for _, b := range due {
				names = append(names, b.Name)
			}
			return names
		}
		if got := due(); len(got) > 0 {
			t.Errorf("before WeChat was asked today %v go on, want nobody", got)
		}
		today := wxcast.DayOf(w.Now())
		for _, told := range []struct {
			used int64
			want []string
		}{
			{1000, nil}, {970, nil}, // WeChat's counter is a few percent wrong
			{600, []string{all.Name}},
			{100, []string{all.Name, keeps.Name}},
		} {
			w.told(t, today, wxcast.Quota{Limit: 1000, Used: told.used})
			if got := due(); !slices.Equal(got, told.want) {
				t.Errorf("%d of 1,000 used: %v go on, want %v", told.used, got, told.want)
			}
		}
		if b, err := w.Broadcast(t.Context(), night.Ref()); err != nil || !b.ResumeAt.Equal(until) {
			t.Errorf("quiet hours end at %v, want %v (%v)", b.ResumeAt, until, err)
		}
	})
}
