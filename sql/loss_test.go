package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A store that lost what it had confirmed gives out no work to those who know better: what is
// at work is paused, and says how much is in question.
func TestAStoreThatWentBackPausesWhatRuns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		b := w.broadcastTo(t, 10)
		waits, night := w.add(t, "waits", wxcast.Audience{}), w.add(t, "night", wxcast.Audience{})
		move := func(b wxcast.Broadcast, m wxcast.Move) {
			t.Helper()
			if moved, err := w.MoveBroadcast(t.Context(), b.Ref(), m); err != nil || !moved {
				t.Fatal(moved, err)
			}
		}
		move(waits, wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastWaiting,
			ResumeAt: w.Now().Add(time.Hour)})
		move(night, wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastScheduled,
			ResumeAt: w.Now().Add(time.Hour)})
		if loss, err := w.Loss(t.Context(), w.account); err != nil || loss != nil {
			t.Fatalf("%+v is lost of a store that lost nothing (%v)", loss, err)
		}
		w.LoseCommits(t, w.account, func() {
			c := w.claim(t, b, "w", 4, time.Minute)
			w.record(t, b, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
		})
		c := w.claim(t, b, "w", 4, time.Minute)
		if c.Loss == nil || c.Loss.Messages != 4 || len(c.Fresh)+len(c.Retries) > 0 || c.Exhausted {
			t.Fatalf("%+v, want no work and a loss of 4 messages: %+v", c, c.Loss)
		}
		if loss, err := w.Loss(t.Context(), w.account); err != nil || loss == nil || loss.Messages != 4 {
			t.Errorf("%+v (%v), want the loss that the claim told", loss, err)
		}
		must(t, w.PauseAfterLoss(t.Context(), w.account, *c.Loss))
		another := wxcast.Loss{Span: 7 * time.Second, Messages: 5} // process tells of the same
		must(t, w.PauseAfterLoss(t.Context(), w.account, another))
		for b, want := range map[string]wxcast.BroadcastState{b.Name: wxcast.BroadcastPaused,
			waits.Name: wxcast.BroadcastPaused, night.Name: wxcast.BroadcastScheduled} {
			all, err := w.BroadcastsByName(t.Context(), w.account, b)
			must(t, err)
			if all[0].State != want {
				t.Errorf("%s is %s, want %s", b, all[0].State, want)
			}
			if said := text.English.Say(all[0].Reason); want == wxcast.BroadcastPaused &&
				(!strings.Contains(said, "7 seconds") || !strings.Contains(said, "about 9 messages")) {
				t.Errorf("%s is paused: %s", b, said)
			}
		}
		move(b, wxcast.Move{From: wxcast.BroadcastPaused, To: wxcast.BroadcastRunning})
		if c := w.claim(t, b, "w", 4, time.Minute); c.Loss != nil || len(c.Fresh)+len(c.Retries) == 0 {
			t.Errorf("%+v after a person resumed it: want work", c)
		}
	})
}
