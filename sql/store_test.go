package store_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestEveryQueryIsValidOnItsEngine(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, err := range db.PrepareAll(t.Context()) {
			t.Errorf("%s: %v", name, err)
		}
	})
}

func TestABroadcastIsAddedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		first := wxcast.Broadcast{AccountID: w.account, MiniID: w.mini, Name: "b", ContentHash: "h", MessageKey: "k1", State: wxcast.BroadcastRunning}
		second := first
		second.MessageKey = "k2"
		_, added, err := w.AddBroadcast(t.Context(), first)
		must(t, err)
		_, again, err := w.AddBroadcast(t.Context(), second)
		must(t, err)
		if !added || again {
			t.Errorf("added %v, then %v", added, again)
		}
	})
}

func TestMigratingTwiceChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		from, to, err := db.Migrate(t.Context())
		if err != nil || from != to || from == 0 {
			t.Errorf("from %d to %d, %v", from, to, err)
		}
		if err := db.CheckSchema(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// world is one account with one mini program on a fresh store.
type world struct {
	*store.DB
	account, mini int64
}

func newWorld(t *testing.T, db *store.DB) world {
	t.Helper()
	account, err := db.EnsureApp(t.Context(), "wxaccount", wxcast.KindOfficialAccount)
	must(t, err)
	mini, err := db.EnsureApp(t.Context(), "wxmini", wxcast.KindMiniProgram)
	must(t, err)
	return world{db, account, mini}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openid(i int) wxcast.OpenID   { return wxcast.OpenID(fmt.Sprintf("o%06d", i)) }
func unionid(i int) wxcast.UnionID { return wxcast.UnionID(fmt.Sprintf("u%06d", i)) }

// follow stores followers 1 to n with unionids.
func (w world) follow(t *testing.T, n int) {
	t.Helper()
	run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
	must(t, err)
	var followers []wxcast.Follower
	for i := 1; i <= n; i++ {
		followers = append(followers, wxcast.Follower{OpenID: openid(i), UnionID: unionid(i), SubscribeTime: time.Unix(1700000000, 0), Tags: []int{2}})
	}
	_, err = w.StoreFollowers(t.Context(), run, followers, nil, wxcast.SyncProgress{New: int64(n)})
	must(t, err)
	must(t, w.FinishSyncRun(t.Context(), run, "done"))
}

func miniUsers(from, to int) iter.Seq2[wxcast.MiniUser, error] {
	return func(yield func(wxcast.MiniUser, error) bool) {
		for i := from; i <= to; i++ {
			if !yield(wxcast.MiniUser{MiniOpenID: wxcast.MiniOpenID(fmt.Sprintf("m%06d", i)), UnionID: unionid(i)}, nil) {
				return
			}
		}
	}
}

// broadcastTo makes a running broadcast to n bridged followers, its recipients fixed.
func (w world) broadcastTo(t *testing.T, n int) wxcast.Broadcast {
	t.Helper()
	w.follow(t, n)
	_, _, err := w.ImportMiniUsers(t.Context(), w.mini, miniUsers(1, n))
	must(t, err)
	_, err = w.Join(t.Context(), w.account, w.mini)
	must(t, err)
	b, _, err := w.AddBroadcast(t.Context(), wxcast.Broadcast{AccountID: w.account, MiniID: w.mini, Name: "b", ContentHash: "h", MessageKey: "k", State: wxcast.BroadcastRunning})
	must(t, err)
	for fixed := false; !fixed; {
		fixed, err = w.FixRecipients(t.Context(), b.ID, 7)
		must(t, err)
	}
	must(t, w.SaveQuota(t.Context(), w.account, wxcast.DayOf(w.Now()), wxcast.Quota{API: store.TemplateSendAPI, Limit: 1000}))
	return b
}

func (w world) claim(t *testing.T, b wxcast.Broadcast, worker string, n int, ttl time.Duration) wxcast.Claim {
	t.Helper()
	c, err := w.Claim(t.Context(), wxcast.ClaimRequest{BroadcastID: b.ID, Worker: worker, Max: n, Rate: 1e6, LeaseTTL: ttl})
	must(t, err)
	return c
}

func (w world) record(t *testing.T, b wxcast.Broadcast, worker string, state wxcast.DeliveryState, deliveries []wxcast.Delivery, leases ...int64) {
	t.Helper()
	var outcomes []wxcast.Outcome
	for _, d := range deliveries {
		o := wxcast.Outcome{OpenID: d.OpenID, State: state, AttemptedAt: w.Now()}
		if state == wxcast.DeliverySent {
			o.MsgID = 1<<53 + 1
		} else {
			o.ErrCode = 43004
		}
		outcomes = append(outcomes, o)
	}
	must(t, w.RecordOutcomes(t.Context(), b.ID, worker, outcomes, leases))
}

func (w world) tally(t *testing.T, b wxcast.Broadcast) wxcast.Tally {
	t.Helper()
	tally, err := w.Tally(t.Context(), b.ID)
	must(t, err)
	return tally
}

func TestJoinFollowsChangesAndNeverGuesses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 10)
		imported := func(users ...wxcast.MiniUser) {
			t.Helper()
			_, _, err := w.ImportMiniUsers(t.Context(), w.mini, func(yield func(wxcast.MiniUser, error) bool) {
				for _, u := range users {
					if !yield(u, nil) {
						return
					}
				}
			})
			must(t, err)
		}
		joined := func(wantBridges int64, want wxcast.BridgeChanges) {
			t.Helper()
			got, err := w.Join(t.Context(), w.account, w.mini)
			must(t, err)
			if got != want {
				t.Errorf("changes %+v, want %+v", got, want)
			}
			n, err := w.CountBridges(t.Context(), w.account, w.mini)
			must(t, err)
			if n != wantBridges {
				t.Errorf("%d bridges, want %d", n, wantBridges)
			}
		}
		imported(wxcast.MiniUser{MiniOpenID: "m1", UnionID: unionid(1)}, wxcast.MiniUser{MiniOpenID: "m2", UnionID: unionid(2)}, wxcast.MiniUser{MiniOpenID: "mx", UnionID: "nobody"})
		joined(2, wxcast.BridgeChanges{New: 2})
		joined(2, wxcast.BridgeChanges{})

		// A unionid moves to another mini user: first ambiguous, then clear.
		imported(wxcast.MiniUser{MiniOpenID: "m3", UnionID: unionid(2)})
		joined(1, wxcast.BridgeChanges{Removed: 1})
		followers, users, err := w.UnionIDConflicts(t.Context(), w.account, w.mini)
		must(t, err)
		if followers != 0 || users != 1 {
			t.Errorf("conflicts %d and %d", followers, users)
		}
		imported(wxcast.MiniUser{MiniOpenID: "m2", UnionID: "elsewhere"})
		joined(2, wxcast.BridgeChanges{New: 1})
		imported(wxcast.MiniUser{MiniOpenID: "m1", UnionID: unionid(4)}, wxcast.MiniUser{MiniOpenID: "m5", UnionID: unionid(1)})
		joined(3, wxcast.BridgeChanges{New: 1, Changed: 1})

		run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		n, err := w.StoreFollowers(t.Context(), run, nil, []wxcast.OpenID{openid(1), openid(9)}, wxcast.SyncProgress{})
		must(t, err)
		if n != 2 {
			t.Errorf("unfollowed %d", n)
		}
		joined(2, wxcast.BridgeChanges{Removed: 1})
	})
}

func TestImportCountsAndKeepsTheLastOfTwo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		inserted, updated, err := w.ImportMiniUsers(t.Context(), w.mini, miniUsers(1, 5000))
		must(t, err)
		if inserted != 5000 || updated != 0 {
			t.Errorf("inserted %d, updated %d", inserted, updated)
		}
		inserted, updated, err = w.ImportMiniUsers(t.Context(), w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			_ = yield(wxcast.MiniUser{MiniOpenID: "m000001", UnionID: "first"}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "m000002", UnionID: unionid(2)}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "new", UnionID: "u"}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "m000001", UnionID: "last"}, nil)
		})
		must(t, err)
		if inserted != 1 || updated != 1 {
			t.Errorf("inserted %d, updated %d", inserted, updated)
		}
		broken := errors.New("broken")
		_, _, err = w.ImportMiniUsers(t.Context(), w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			_ = yield(wxcast.MiniUser{MiniOpenID: "half", UnionID: "u"}, nil) && yield(wxcast.MiniUser{}, broken)
		})
		if !errors.Is(err, broken) {
			t.Error(err)
		}
		n, err := w.CountMiniUsers(t.Context(), w.mini)
		must(t, err)
		if n != 5001 {
			t.Errorf("%d mini users after a broken import, want 5001", n)
		}
	})
}

func TestASyncRunIsContinuedFromItsCheckpoint(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 4)
		run, resumed, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		if resumed {
			t.Error("a finished run was resumed")
		}
		must(t, w.StoreListingPage(t.Context(), run.ID, 1, []wxcast.OpenID{openid(1), openid(2), "onew"}, "onew", 5))
		run, resumed, err = w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		if !resumed || run.Pages != 1 || run.NextOpenID != "onew" || run.Listed != 3 || run.Total != 5 {
			t.Errorf("resumed %v: %+v", resumed, run)
		}
		refs, err := w.PageNeedsDetails(t.Context(), run, 1)
		must(t, err)
		if len(refs) != 1 || refs[0] != (wxcast.FollowerRef{OpenID: "onew"}) {
			t.Errorf("details wanted for %v", refs)
		}
		stored, missing, err := w.CountMissing(t.Context(), run)
		must(t, err)
		gone, err := w.ListMissing(t.Context(), run, openid(3), 10)
		must(t, err)
		if stored != 4 || missing != 2 || len(gone) != 1 || gone[0] != openid(4) {
			t.Errorf("stored %d, missing %d, behind the third %v", stored, missing, gone)
		}
		if other, resumed, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour); err != nil || resumed || other.ID == run.ID {
			t.Errorf("another mode continued the run: %+v, %v", other, err)
		}
	})
}

func TestFollowersWithoutUnionIDAreAskedOnASlowingSchedule(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
		must(t, err)
		_, err = w.StoreFollowers(t.Context(), run, []wxcast.Follower{{OpenID: openid(1)}}, nil, wxcast.SyncProgress{})
		must(t, err)
		must(t, w.StoreListingPage(t.Context(), run.ID, 1, []wxcast.OpenID{openid(1)}, openid(1), 1))
		run.Mode = wxcast.SyncIncremental
		refs, err := w.PageNeedsDetails(t.Context(), run, 1)
		must(t, err)
		if len(refs) != 0 {
			t.Errorf("asked again at once: %v", refs)
		}
	})
}

func TestALockLapsesWithItsHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		try := func(holder string, ttl time.Duration) (bool, wxcast.LockHolder) {
			t.Helper()
			taken, by, err := db.TryLock(ctx, "sync", holder, ttl)
			must(t, err)
			return taken, by
		}
		if taken, _ := try("a", 20*time.Millisecond); !taken {
			t.Fatal("a free lock was refused")
		}
		if taken, by := try("b", time.Minute); taken || by.Holder != "a" {
			t.Fatalf("taken %v, by %+v", taken, by)
		}
		time.Sleep(30 * time.Millisecond)
		if taken, _ := try("b", time.Minute); !taken {
			t.Error("a lapsed lock was refused")
		}
		if ok, err := db.RenewLock(ctx, "sync", "a", time.Minute); err != nil || ok {
			t.Errorf("the former holder renewed: %v, %v", ok, err)
		}
		must(t, db.Unlock(ctx, "sync", "a"))
		if taken, _ := try("c", time.Minute); taken {
			t.Error("the former holder released another's lock")
		}
		must(t, db.Unlock(ctx, "sync", "b"))
		if taken, _ := try("c", time.Minute); !taken {
			t.Error("a released lock was refused")
		}
	})
}

func TestTokensAreShared(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		none, err := db.Token(t.Context(), "wx")
		must(t, err)
		if none.Reveal() != "" {
			t.Error("a token out of nothing")
		}
		now := db.Now()
		must(t, db.SaveToken(t.Context(), "wx", wxcast.NewToken("one", now, now.Add(time.Hour))))
		must(t, db.SaveToken(t.Context(), "wx", wxcast.NewToken("two", now, now.Add(2*time.Hour))))
		got, err := db.Token(t.Context(), "wx")
		must(t, err)
		if got.Reveal() != "two" || !got.ExpiresAt.Equal(now.Add(2*time.Hour)) {
			t.Errorf("got %s until %v", got.Reveal(), got.ExpiresAt)
		}
	})
}
