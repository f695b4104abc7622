package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// An opt-out is a person's: whichever of their ids it names, and whether or not they followed
// when it came.
func TestAnOptOutIsAPersons(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		// Before anybody follows: by openid, by unionid, by mini_openid, and an id that is nobody's.
		before := []string{string(openid(1)), string(unionid(2)), "m000003", "nobody"}
		added, unknown, err := w.AddOptOuts(t.Context(), w.account, before, "test")
		must(t, err)
		if added != 4 || len(unknown) != 4 {
			t.Errorf("%d added, %d of them unknown; want 4 and 4: nobody follows yet", added, len(unknown))
		}
		b := w.broadcastTo(t, 8)
		// While it runs: a follower by openid, one by unionid.
		added, unknown, err = w.AddOptOuts(t.Context(), w.account,
			[]string{string(openid(4)), string(unionid(5)), string(unionid(1))}, "test")
		must(t, err)
		if added != 2 || len(unknown) != 0 {
			t.Errorf("%d added, unknown %v; want 2 and none: the third stands on the list by another id", added,
				unknown)
		}
		c := w.claim(t, b, "w", 10, time.Minute)
		got := map[wxcast.OpenID]bool{}
		for _, d := range c.Fresh {
			got[d.OpenID] = true
		}
		if len(got) != 3 || !got[openid(6)] || !got[openid(7)] || !got[openid(8)] || c.Skipped != 5 {
			t.Errorf("claimed %v and skipped %d, want 6 to 8 and 5: the others asked for no more", got, c.Skipped)
		}
		if tally := w.tally(t, b); tally.ByErrCode[wxcast.ErrCodeOptedOut] != 5 {
			t.Errorf("%v, want 5 opted out", tally.ByErrCode)
		}
		// And by whichever id they are taken off again.
		removed, err := w.RemoveOptOuts(t.Context(), w.account,
			[]string{string(unionid(1)), string(openid(2)), string(unionid(4)), "nobody"})
		must(t, err)
		if removed != 4 {
			t.Errorf("%d removed, want 4", removed)
		}
		left, err := w.OptOuts(t.Context(), w.account, "", 10)
		must(t, err)
		if len(left) != 2 || left[0].ID != "m000003" || left[1].ID != string(openid(5)) {
			t.Errorf("left %+v, want the mini user by their id, and follower 5 by their openid", left)
		}
	})
}
