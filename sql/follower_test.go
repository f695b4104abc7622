package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Who was gone after WeChat was asked about them stays gone: the answer is old news.
func TestOldNewsDoesNotBringAFollowerBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		came := w.Now().Truncate(time.Second).Add(-time.Hour)
		told := []wxcast.Follower{{OpenID: "o", SubscribeTime: came}}
		must(t, w.Follow(t.Context(), w.account, told, came))
		left := came.Add(time.Minute)
		if n, err := w.Unfollow(t.Context(), w.account, []wxcast.OpenID{"o"}, left); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
		must(t, err)
		follows := func() bool {
			states, err := w.FollowerStates(t.Context(), w.account, []wxcast.OpenID{"o"})
			must(t, err)
			return states["o"]
		}
		for _, asked := range []struct {
			at   time.Time
			want bool
		}{{left.Add(-time.Second), false}, {left.Add(time.Second), true}} {
			_, err = w.StoreFollowers(t.Context(), run, wxcast.Told{AskedAt: asked.at, Followers: told},
				wxcast.SyncProgress{})
			must(t, err)
			if follows() != asked.want {
				t.Errorf("asked %v after they left: they follow: %v", asked.at.Sub(left), follows())
			}
			must(t, w.Follow(t.Context(), w.account, told, asked.at))
			if follows() != asked.want {
				t.Errorf("asked %v after they left, outside a sync: they follow: %v", asked.at.Sub(left), follows())
			}
		}
	})
}

// News of people comes late: who has come back since they were said to be gone stays.
func TestOldNewsDoesNotMarkAFollowerAsGone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		back := w.Now().Truncate(time.Second)
		must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{{OpenID: "o", SubscribeTime: back}}, back))
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
