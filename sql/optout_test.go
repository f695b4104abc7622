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

// A person keeps their opt-out when their openid changes, as all do when an account moves, and
// gets nothing from another account of the same Open Platform account either, whether or not
// they follow it yet.
func TestAnOptOutOutlivesTheOpenID(t *testing.T) {
	for _, when := range []string{"as a follower", "before they followed", "in another account"} {
		t.Run(when, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				other, err := db.EnsureApp(t.Context(), "wxother", wxcast.KindOfficialAccount)
				must(t, err)
				follow := func(account int64, openid wxcast.OpenID) {
					must(t, w.Follow(t.Context(), account, []wxcast.Follower{{OpenID: openid, UnionID: "u-person",
						SubscribeTime: time.Unix(1700000000, 0)}}, w.Now()))
				}
				optOut := func(account int64, id string) {
					_, _, err := w.AddOptOuts(t.Context(), account, []string{id}, "message")
					must(t, err)
				}
				switch when {
				case "as a follower":
					follow(w.account, "o-before")
					optOut(w.account, "o-before")
				case "before they followed":
					optOut(w.account, "o-before")
					follow(w.account, "o-before")
				default:
					follow(other, "o-there")
					optOut(other, "o-there")
				}
				follow(w.account, "o-after")
				must(t, w.Follow(t.Context(), w.account, []wxcast.Follower{{OpenID: "o-somebody", UnionID: "u-somebody",
					SubscribeTime: time.Unix(1700000000, 0)}}, w.Now()))
				claimed := func(name string) (got []wxcast.OpenID) {
					b := w.add(t, name, wxcast.Audience{})
					w.fix(t, b)
					w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1000})
					for _, d := range w.claim(t, b, "w", 10, time.Minute).Fresh {
						got = append(got, d.OpenID)
					}
					return got
				}
				if got := claimed("one"); len(got) != 1 || got[0] != "o-somebody" {
					t.Errorf("%v get it, want o-somebody alone: the other asked for no more", got)
				}
				list, err := w.OptOuts(t.Context(), w.account, "", 10)
				if err != nil || len(list) != 1 {
					t.Errorf("the list is %+v (%v), want one person once", list, err)
				}
				_, err = w.RemoveOptOuts(t.Context(), w.account, []string{"o-after"})
				must(t, err)
				w.PretendLater(time.Hour)
				got := claimed("two")
				if when == "in another account" {
					if len(got) != 2 {
						t.Errorf("%v get it, want both: they are off the list again", got)
					}
					if there, err := w.OptOuts(t.Context(), other, "", 10); err != nil || len(there) != 0 {
						t.Errorf("in the other account they are still on the list: %+v (%v)", there, err)
					}
				}
			})
		})
	}
}
