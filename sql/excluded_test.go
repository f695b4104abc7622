package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Whom an audience leaves out is looked at again when each message leaves: the other
// broadcast may fix its recipients and send to them after this one has fixed its own.
func TestWhoGotAnotherMessageMeanwhileIsLeftOut(t *testing.T) {
	for name, without := range map[string]func(a *wxcast.Audience, other wxcast.Broadcast, now time.Time){
		"exclude_broadcasts": func(a *wxcast.Audience, other wxcast.Broadcast, _ time.Time) {
			a.NotOfBroadcasts = []int64{other.ID}
		},
		"not_messaged": func(a *wxcast.Audience, _ wxcast.Broadcast, now time.Time) {
			a.NotMessagedSince = now.Add(-time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				first := w.next(t, w.broadcastTo(t, 4), "first", "TPL_ID")
				_, err := w.MoveBroadcast(t.Context(), first.Ref(),
					wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastDone})
				must(t, err)
				other := w.add(t, "other", bridged(w.mini))
				audience := bridged(w.mini)
				without(&audience, other, w.Now())
				late := w.add(t, "late", audience)
				w.fix(t, late)
				w.fix(t, other)
				c := w.claim(t, other, "w", 1, time.Minute)
				w.record(t, other, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
				w.claim(t, other, "w", 1, time.Minute) // under way; the other two are still to come
				w.PretendLater(3 * time.Second)        // the older one goes first while it is at work
				for range 3 {
					if c := w.claim(t, late, "w", 2, time.Minute); len(c.Fresh)+len(c.Retries) != 0 {
						t.Errorf("claimed %d who got the other message, or are to get it", len(c.Fresh)+len(c.Retries))
					}
				}
				tally := w.tally(t, late)
				if tally.Skipped != 4 || tally.ByErrCode[wxcast.ErrCodeExcluded] != 4 {
					t.Errorf("%+v, want 4 left out as excluded", tally)
				}
			})
		})
	}
}
