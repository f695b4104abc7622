package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestJoinFollowsChangesAndNeverGuesses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 10)
		imported := func(users ...wxcast.MiniUser) {
			t.Helper()
			_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, func(yield func(wxcast.MiniUser, error) bool) {
				for _, u := range users {
					if !yield(u, nil) {
						return
					}
				}
			}, wxcast.ImportMode{})
			must(t, err)
		}
		joined := func(wantBridges int64, want wxcast.BridgeChanges) wxcast.Coverage {
			t.Helper()
			before, err := w.Coverage(t.Context(), w.account, w.mini)
			must(t, err)
			got, c, err := w.Join(t.Context(), w.account, w.mini)
			must(t, err)
			if got != want || c.Joined != wantBridges {
				t.Errorf("changes %+v, want %+v; coverage %+v, want %d joined", got, want, c, wantBridges)
			}
			after, err := w.Coverage(t.Context(), w.account, w.mini)
			must(t, err)
			before.Joined = c.Joined
			if after != c || before != c {
				t.Errorf("the coverage is %+v before, %+v by the join and %+v after it", before, c, after)
			}
			return c
		}
		imported(wxcast.MiniUser{MiniOpenID: "m1", UnionID: unionid(1)},
			wxcast.MiniUser{MiniOpenID: "m2", UnionID: unionid(2)},
			wxcast.MiniUser{MiniOpenID: "mx", UnionID: "nobody"})
		joined(2, wxcast.BridgeChanges{New: 2})
		joined(2, wxcast.BridgeChanges{})

		// A unionid moves to another mini user: first ambiguous, then clear.
		imported(wxcast.MiniUser{MiniOpenID: "m3", UnionID: unionid(2)})
		if c := joined(1, wxcast.BridgeChanges{Removed: 1}); c.FollowerConflicts != 0 || c.MiniConflicts != 1 ||
			c.MiniUserKnown != 2 {
			t.Errorf("%+v", c)
		}
		imported(wxcast.MiniUser{MiniOpenID: "m2", UnionID: "elsewhere"})
		joined(2, wxcast.BridgeChanges{New: 1})
		imported(wxcast.MiniUser{MiniOpenID: "m1", UnionID: unionid(4)},
			wxcast.MiniUser{MiniOpenID: "m5", UnionID: unionid(1)})
		joined(3, wxcast.BridgeChanges{New: 1, Changed: 1})

		run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		n, err := w.StoreFollowers(t.Context(), run,
			wxcast.Told{AskedAt: w.Now(), Gone: []wxcast.OpenID{openid(1), openid(9)}}, wxcast.SyncProgress{})
		must(t, err)
		if n != 2 {
			t.Errorf("unfollowed %d", n)
		}
		joined(2, wxcast.BridgeChanges{Removed: 1})
	})
}
