package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// The answer to a COMMIT is lost, and the connection with it: the transaction happened, and
// who asked for it cannot know. Only a server can be that far away: not so SQLite.
func TestATransactionWhoseAnswerIsLostHappensOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(t *testing.T, w world, lose func()){
		"a claim":             claimIsMadeOnce,
		"a give-back":         quotaIsGivenBackOnce,
		"outcomes":            outcomesAreCountedOnce,
		"a move":              moveIsOurs,
		"a canary's move":     canaryMoveIsOurs,
		"a job's turn":        jobIsClaimedOnce,
		"calls of other APIs": callsAreCountedOnce,
		"a slot":              slotIsTakenOnce,
		"a slower pace":       paceIsHalvedOnce,
		"a new broadcast":     broadcastIsNew,
		"opt-outs":            optOutsAreNew,
		"an entry of audit":   auditIsWrittenOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, url := storetest.Proxy(t, storetest.PostgresURL(t))
			db, err := store.Open(t.Context(), url)
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			lost := int64(0)
			test(t, newWorld(t, db), func() {
				lost++
				proxy.LoseAnswers("COMMIT", 1, 1)
			})
			if got := proxy.Lost(); got != lost || lost == 0 {
				t.Errorf("%d answers were lost, want %d: the test tried nothing", got, lost)
			}
		})
	}
}

func (w world) quota(t *testing.T) wxcast.QuotaDay {
	t.Helper()
	days, err := w.QuotaDays(t.Context(), w.account, wxcast.DayOf(w.Now()))
	must(t, err)
	for _, d := range days {
		if d.API == sendAPI {
			return d
		}
	}
	t.Fatal("the day's quota is not known")
	return wxcast.QuotaDay{}
}

func claimIsMadeOnce(t *testing.T, w world, lose func()) {
	b := w.broadcastTo(t, 20)
	lose()
	first := w.claim(t, b, "w", 8, time.Minute)
	second := w.claim(t, b, "w", 20, time.Minute)
	if len(first.Fresh) != 8 || len(second.Fresh) != 12 || first.LeaseID == 0 {
		t.Errorf("claims of %d and %d by lease %d, want 8 and 12: a second lease hides people whom nobody sends to",
			len(first.Fresh), len(second.Fresh), first.LeaseID)
	}
	w.record(t, b, "w", wxcast.DeliverySent, first.Fresh, first.LeaseID)
	w.record(t, b, "w", wxcast.DeliverySent, second.Fresh, second.LeaseID)
	if c := w.claim(t, b, "w", 1, time.Minute); !c.Exhausted {
		t.Errorf("%+v, want it exhausted: a lease is left that nobody holds, and the broadcast never ends", c)
	}
	if used := w.quota(t).Used; used != 20 {
		t.Errorf("%d calls reserved for 20 messages", used)
	}
}

func quotaIsGivenBackOnce(t *testing.T, w world, lose func()) {
	b := w.broadcastTo(t, 20)
	c := w.claim(t, b, "w", 8, time.Minute)
	w.claim(t, b, "other", 8, time.Minute)
	lose()
	must(t, w.GiveBack(t.Context(), b, c))
	if used := w.quota(t).Used; used != 8 {
		t.Errorf("%d calls reserved, want the other's 8: what was given back twice is used twice", used)
	}
}

func outcomesAreCountedOnce(t *testing.T, w world, lose func()) {
	b := w.broadcastTo(t, 5)
	c := w.claim(t, b, "w", 5, time.Minute)
	lose()
	w.record(t, b, "w", wxcast.DeliveryFailed, c.Fresh, c.LeaseID)
	if ours := w.quota(t).Ours; ours != 5 {
		t.Errorf("%d calls of ours are counted, want 5", ours)
	}
	people, err := w.Deliveries(t.Context(), b, wxcast.DeliveryKey{}, 1)
	must(t, err)
	if people[0].Attempts != 1 {
		t.Errorf("%d attempts are recorded of one", people[0].Attempts)
	}
}

func moveIsOurs(t *testing.T, w world, lose func()) {
	b := w.broadcastTo(t, 1)
	lose()
	moved, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
		To: wxcast.BroadcastPaused})
	must(t, err)
	if !moved {
		t.Error("the move was ours, and is told as somebody else's")
	}
}

func canaryMoveIsOurs(t *testing.T, w world, lose func()) {
	b := w.broadcastTo(t, 1)
	lose()
	moved, err := w.MoveCanary(t.Context(), b.Ref(), wxcast.CanaryMove{From: wxcast.CanaryNone,
		To: wxcast.CanaryWaiting, State: wxcast.BroadcastRunning, Until: w.Now()})
	must(t, err)
	if !moved {
		t.Error("the move was ours, and is told as somebody else's: nobody judges the canary then")
	}
}

func jobIsClaimedOnce(t *testing.T, w world, lose func()) {
	turn := wxcast.JobTurn{AccountID: w.account, Job: "sync", Due: w.Now()}
	lose()
	id, claim, err := w.ClaimJob(t.Context(), turn, "w", time.Minute)
	must(t, err)
	if claim != wxcast.JobClaimed || id == 0 {
		t.Errorf("claim %v of run %d, want it ours: else the night's job is nobody's", claim, id)
	}
}

func callsAreCountedOnce(t *testing.T, w world, lose func()) {
	lose()
	must(t, w.CountCalls(t.Context(), w.account, map[string]int64{sendAPI: 3}))
	if ours := w.quota(t).Ours; ours != 3 {
		t.Errorf("%d calls are counted of 3", ours)
	}
}

func slotIsTakenOnce(t *testing.T, w world, lose func()) {
	lose()
	first, err := w.TakeSlot(t.Context(), w.account, w.lane(), 60e6, 1e6, 0)
	must(t, err)
	if wait := first.Start.Sub(w.Now()); wait > 30*time.Second {
		t.Errorf("the slot begins in %v: one that nobody has comes before it", wait)
	}
	second, err := w.TakeSlot(t.Context(), w.account, w.lane(), 60e6, 1e6, 0)
	must(t, err)
	if !second.Start.Equal(first.End) {
		t.Errorf("the next slot begins %v after the first: nobody sends in between", second.Start.Sub(first.End))
	}
}

func paceIsHalvedOnce(t *testing.T, w world, lose func()) {
	lose()
	share, err := w.SlowDown(t.Context(), w.account, w.lane())
	must(t, err)
	if share != 0.5 {
		t.Errorf("%v of the rate is left, want half", share)
	}
}

func broadcastIsNew(t *testing.T, w world, lose func()) {
	lose()
	b, added, err := w.AddBroadcast(t.Context(), wxcast.Broadcast{AccountID: w.account, MiniID: w.mini,
		Channels: w.channels(), Name: "new", ContentHash: "h", MessageKey: "k", State: wxcast.BroadcastRunning,
		Audience: bridged(w.mini), Rate: 1})
	must(t, err)
	if !added || b.ID == 0 {
		t.Errorf("added %v as %d, want it new", added, b.ID)
	}
}

func optOutsAreNew(t *testing.T, w world, lose func()) {
	lose()
	added, _, err := w.AddOptOuts(t.Context(), w.account, []string{"o1", "o2"}, "test")
	must(t, err)
	if added != 2 {
		t.Errorf("%d were added of 2", added)
	}
}

func auditIsWrittenOnce(t *testing.T, w world, lose func()) {
	lose()
	_, err := w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Actor: "a", Action: "b"})
	must(t, err)
	entries, err := w.Audit(t.Context(), w.account, 0, 10, "")
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("%d entries of one act", len(entries))
	}
}

// The ids of transactions are kept for an hour, also where no serve keeps house.
func TestTheIdsOfTransactionsAreNotKeptForEver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 1)
		before := w.CountCommits(t)
		w.PretendLater(2 * time.Hour)
		_, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
			To: wxcast.BroadcastPaused})
		must(t, err)
		if after := w.CountCommits(t); before < 3 || after != 1 {
			t.Errorf("%d ids were kept, and %d are two hours later; want the last one's only", before, after)
		}
	})
}
