package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// heard stores an event as a callback does, which may not wait for long.
func heard(t *testing.T, w world, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := w.AddCallbacks(ctx, w.account, []wxcast.CallbackEvent{{OpenID: openid(n), Kind: "text",
		CreatedAt: time.Unix(1700000000+int64(n), 0)}}); err != nil {
		t.Errorf("a callback is held up: %v", err)
	}
}

// However slowly an import is sent to us, callbacks are stored beside it, and who logs in
// meanwhile stays, though the source could not know them.
func TestCallbacksAreStoredBesideAnImport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 6000), wxcast.ImportMode{})
		must(t, err)
		counts, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			n := 0
			for u, err := range miniUsers(3001, 9000) {
				if n++; n%2500 == 0 {
					heard(t, w, n)
				}
				if n == 5000 {
					_, err := w.Login(t.Context(), w.account, w.mini,
						wxcast.MiniUser{MiniOpenID: "m-new", UnionID: "u-new"})
					must(t, err)
				}
				if !yield(u, err) {
					return
				}
			}
		}, wxcast.ImportMode{Replace: true, MaxRemoveShare: 1})
		if err != nil || counts.Inserted != 3000 || counts.Removed != 3000 {
			t.Errorf("%+v %v, want 3,000 inserted and removed", counts, err)
		}
		if n, err := w.CountMiniUsers(t.Context(), w.mini); err != nil || n != 6001 {
			t.Errorf("%d mini users (%v), want 6,000 of the source and one who logged in meanwhile", n, err)
		}
	})
}

// What a source may not do leaves everything as it was, whatever was read.
func TestAnImportThatIsRefusedChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 5000), wxcast.ImportMode{})
		must(t, err)
		_, err = w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(4001, 9000),
			wxcast.ImportMode{Replace: true, MaxRemoveShare: 0.2})
		if n, _ := w.CountMiniUsers(t.Context(), w.mini); err == nil || n != 5000 {
			t.Errorf("%d mini users after an import that would remove too many (%v), want the 5,000 of before", n, err)
		}
		stopped, stop := context.WithCancel(t.Context())
		_, err = w.ImportMiniUsers(stopped, w.account, w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			n := 0
			for u := range miniUsers(5001, 9000) {
				if n++; n == 3500 {
					stop()
					yield(wxcast.MiniUser{}, stopped.Err())
					return
				}
				if !yield(u, nil) {
					return
				}
			}
		}, wxcast.ImportMode{})
		if n, _ := w.CountMiniUsers(t.Context(), w.mini); err == nil || n != 5000 {
			t.Errorf("%d mini users after an import whose sender left (%v), want the 5,000 of before", n, err)
		}
		// And the connection that it was read on serves the next.
		counts, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 6000), wxcast.ImportMode{})
		if err != nil || counts.Inserted != 1000 {
			t.Errorf("the next import: %+v %v", counts, err)
		}
	})
}

// Two accounts that share a mini program: one of them says who its users are.
func TestASharedMiniProgramHasAnOwner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		other, err := db.EnsureApp(t.Context(), "wxother", wxcast.KindOfficialAccount)
		must(t, err)
		w.follow(t, 3)
		must(t, w.Follow(t.Context(), other, []wxcast.Follower{{OpenID: "o-of-other", UnionID: unionid(2),
			SubscribeTime: time.Unix(1700000000, 0)}}, w.Now()))
		owns := func(of int64, takeOver, want bool) {
			t.Helper()
			owner, ours, err := w.OwnMiniProgram(t.Context(), of, w.mini, takeOver)
			if err != nil || ours != want {
				t.Errorf("the mini program is %s's, ours %v (%v), want %v", owner, ours, err, want)
			}
		}
		owns(w.account, false, true)
		owns(other, false, false)
		_, err = w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 3), wxcast.ImportMode{})
		must(t, err)
		for _, of := range []int64{w.account, other} {
			_, _, err := w.Join(t.Context(), of, w.mini)
			must(t, err)
		}
		bridged := func(of int64, id string) bool {
			t.Helper()
			p, err := w.Person(t.Context(), of, []int64{w.mini}, id)
			must(t, err)
			return len(p.MiniUsers) == 1 && p.MiniUsers[0].Bridged
		}
		// Who is forgotten by the other account is forgotten there.
		f, err := w.Forget(t.Context(), other, []int64{w.mini}, "o-of-other")
		if err != nil || f.Followers != 1 || f.Bridges != 1 || f.MiniUsers != 0 || f.Kept != 1 {
			t.Errorf("forgotten by the other account: %+v %v", f, err)
		}
		if !bridged(w.account, string(openid(2))) {
			t.Error("the other account has taken a bridge of the owner's down")
		}
		owns(other, true, true)
		owns(w.account, false, false)
	})
}
