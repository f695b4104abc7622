package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// News of people comes late: who has come back since they were said to be gone stays.
func TestOldNewsDoesNotMarkAFollowerAsGone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		back := w.Now().Truncate(time.Second)
		must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{{OpenID: "o", SubscribeTime: back}}))
		for _, test := range []struct {
			name string
			asOf time.Time
			gone int64
		}{
			{"asked before they came back", back.Add(-time.Minute), 0},
			{"in the second in which they came back", back, 0},
			{"asked since", back.Add(time.Minute), 1},
			{"told again", back.Add(2 * time.Minute), 0},
		} {
			n, err := w.Unfollow(t.Context(), w.account, []wxcast.OpenID{"o"}, test.asOf)
			must(t, err)
			if n != test.gone {
				t.Errorf("%s: %d are marked as gone, want %d: nobody writes to them any more", test.name, n, test.gone)
			}
		}
	})
}
