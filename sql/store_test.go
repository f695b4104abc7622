package store_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
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

func newWorld(t testing.TB, db *store.DB) world {
	t.Helper()
	account, err := db.EnsureApp(t.Context(), "wxaccount", wxcast.KindOfficialAccount)
	must(t, err)
	mini, err := db.EnsureApp(t.Context(), "wxmini", wxcast.KindMiniProgram)
	must(t, err)
	return world{db, account, mini}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openid(i int) wxcast.OpenID   { return wxcast.OpenID(fmt.Sprintf("o%06d", i)) }
func unionid(i int) wxcast.UnionID { return wxcast.UnionID(fmt.Sprintf("u%06d", i)) }

// follow stores followers 1 to n with unionids.
// sendAPI is what the broadcasts of these tests send by: the store knows no API by name.
const sendAPI = "/cgi-bin/any/send"

func (w world) lane() wxcast.Lane { return wxcast.Lane{AppID: w.account, API: sendAPI} }

func (w world) follow(t testing.TB, n int) {
	t.Helper()
	run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
	must(t, err)
	var followers []wxcast.Follower
	for i := 1; i <= n; i++ {
		followers = append(followers, wxcast.Follower{OpenID: openid(i), UnionID: unionid(i), SubscribeTime: time.Unix(1700000000, 0), Tags: []int{2}})
	}
	_, err = w.StoreFollowers(t.Context(), run, followers, nil, wxcast.SyncProgress{New: int64(n)})
	must(t, err)
	must(t, w.FinishSyncRun(t.Context(), run, "done", true))
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

func bridged(mini int64) wxcast.Audience {
	yes := true
	return wxcast.Audience{MiniID: mini, Bridged: &yes}
}

// broadcastTo makes a running broadcast to n bridged followers, its recipients fixed.
func (w world) broadcastTo(t testing.TB, n int) wxcast.Broadcast {
	t.Helper()
	w.follow(t, n)
	_, err := w.ImportMiniUsers(t.Context(), w.mini, miniUsers(1, n), wxcast.ImportMode{})
	must(t, err)
	_, _, err = w.Join(t.Context(), w.account, w.mini)
	must(t, err)
	b, _, err := w.AddBroadcast(t.Context(), wxcast.Broadcast{AccountID: w.account, MiniID: w.mini, Name: "b", ContentHash: "h", MessageKey: "k", State: wxcast.BroadcastRunning, Audience: bridged(w.mini), Rate: 1e6})
	must(t, err)
	for fixed := false; !fixed; {
		fixed, err = w.FixRecipients(t.Context(), b.ID, 7)
		must(t, err)
	}
	must(t, w.SaveQuota(t.Context(), w.account, wxcast.DayOf(w.Now()), wxcast.Quota{API: sendAPI, Limit: 1000}))
	return b
}

func (w world) claim(t testing.TB, b wxcast.Broadcast, worker string, n int, ttl time.Duration) wxcast.Claim {
	t.Helper()
	c, err := w.Claim(t.Context(), wxcast.ClaimRequest{BroadcastID: b.ID, Lane: wxcast.Lane{AppID: b.AccountID, API: sendAPI}, Worker: worker, Max: n, Span: time.Hour, LeaseTTL: ttl, Profile: true})
	must(t, err)
	return c
}

func (w world) record(t testing.TB, b wxcast.Broadcast, worker string, state wxcast.DeliveryState, deliveries []wxcast.Delivery, leases ...int64) {
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
	must(t, w.RecordOutcomes(t.Context(), wxcast.Recording{BroadcastID: b.ID, Worker: worker, Lane: w.lane(), Outcomes: outcomes, DoneLeases: leases}))
}

func (w world) tally(t testing.TB, b wxcast.Broadcast) wxcast.Tally {
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
			_, err := w.ImportMiniUsers(t.Context(), w.mini, func(yield func(wxcast.MiniUser, error) bool) {
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
		imported(wxcast.MiniUser{MiniOpenID: "m1", UnionID: unionid(1)}, wxcast.MiniUser{MiniOpenID: "m2", UnionID: unionid(2)}, wxcast.MiniUser{MiniOpenID: "mx", UnionID: "nobody"})
		joined(2, wxcast.BridgeChanges{New: 2})
		joined(2, wxcast.BridgeChanges{})

		// A unionid moves to another mini user: first ambiguous, then clear.
		imported(wxcast.MiniUser{MiniOpenID: "m3", UnionID: unionid(2)})
		if c := joined(1, wxcast.BridgeChanges{Removed: 1}); c.FollowerConflicts != 0 || c.MiniConflicts != 1 || c.MiniUserKnown != 2 {
			t.Errorf("%+v", c)
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
		counts, err := w.ImportMiniUsers(t.Context(), w.mini, miniUsers(1, 5000), wxcast.ImportMode{})
		must(t, err)
		if counts != (wxcast.ImportCounts{Inserted: 5000}) {
			t.Errorf("%+v", counts)
		}
		counts, err = w.ImportMiniUsers(t.Context(), w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			_ = yield(wxcast.MiniUser{MiniOpenID: "m000001", UnionID: "first"}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "m000002", UnionID: unionid(2)}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "new", UnionID: "u"}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "m000001", UnionID: "last"}, nil)
		}, wxcast.ImportMode{})
		must(t, err)
		if counts != (wxcast.ImportCounts{Inserted: 1, Updated: 1}) {
			t.Errorf("%+v", counts)
		}
		broken := errors.New("broken")
		_, err = w.ImportMiniUsers(t.Context(), w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			_ = yield(wxcast.MiniUser{MiniOpenID: "half", UnionID: "u"}, nil) && yield(wxcast.MiniUser{}, broken)
		}, wxcast.ImportMode{})
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
		page, err := w.ListingPage(t.Context(), run.ID, 1)
		must(t, err)
		if none, err := w.ListingPage(t.Context(), run.ID, 2); err != nil || len(none) != 0 || len(page) != 3 || page[2] != "onew" {
			t.Errorf("page 1 is %v, page 2 %v; %v", page, none, err)
		}
		states, err := w.FollowerStates(t.Context(), w.account, page)
		must(t, err)
		if len(states) != 2 || !states[openid(1)] {
			t.Errorf("%v", states)
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
		for asks, wait := range []time.Duration{20 * time.Hour, 72 * time.Hour, 168 * time.Hour, 720 * time.Hour, 720 * time.Hour} {
			_, err = w.StoreFollowers(t.Context(), run, []wxcast.Follower{{OpenID: openid(1)}}, nil, wxcast.SyncProgress{})
			must(t, err)
			for _, ago := range []time.Duration{wait - time.Minute, wait + time.Minute} {
				must(t, w.PretendRead(t.Context(), openid(1), ago))
				due, err := w.WithoutUnionID(t.Context(), w.account, "", 10)
				must(t, err)
				if want := ago > wait; (len(due) == 1) != want {
					t.Errorf("asked %d times, last %v ago: due %v", asks+1, ago, due)
				}
			}
		}
	})
}

func TestFlippedFollowers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		base, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		_, err = w.StoreFollowers(t.Context(), base, []wxcast.Follower{{OpenID: openid(1)}, {OpenID: openid(2)}}, nil, wxcast.SyncProgress{})
		must(t, err)
		must(t, w.FinishSyncRun(t.Context(), base, "done", true))
		if got, err := w.BaseSyncRun(t.Context(), w.account); err != nil || got.ID != base.ID {
			t.Errorf("the base is %+v; %v", got, err)
		}
		aborted, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		_, err = w.StoreFollowers(t.Context(), aborted, []wxcast.Follower{{OpenID: openid(3)}}, []wxcast.OpenID{openid(2)}, wxcast.SyncProgress{})
		must(t, err)
		must(t, w.FinishSyncRun(t.Context(), aborted, "it broke", false))
		if got, err := w.BaseSyncRun(t.Context(), w.account); err != nil || got.ID != base.ID {
			t.Errorf("after a run that broke the base is %+v; %v", got, err)
		}
		run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
		must(t, err)
		flipped := func(base wxcast.SyncRun) (states []wxcast.FollowerState) {
			for f, err := range w.FlippedFollowers(t.Context(), base, run) {
				must(t, err)
				states = append(states, f)
			}
			return states
		}
		sinceBase := flipped(base)
		// The one that left is the base's own, but no listing brought it to this state.
		if len(sinceBase) != 2 || !slices.Contains(sinceBase, wxcast.FollowerState{OpenID: openid(2)}) ||
			!slices.Contains(sinceBase, wxcast.FollowerState{OpenID: openid(3), Subscribed: true}) {
			t.Errorf("since the base: %v", sinceBase)
		}
		if all := flipped(wxcast.SyncRun{}); len(all) != 3 || !slices.Contains(all, wxcast.FollowerState{OpenID: openid(2)}) {
			t.Errorf("of all: %v", all)
		}
		runs, err := w.SyncRuns(t.Context(), w.account, 10)
		must(t, err)
		if len(runs) != 3 || !runs[0].FinishedAt.IsZero() || runs[1].Outcome != "it broke" || runs[2].ID != base.ID {
			t.Errorf("%+v", runs)
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
		if taken, _ := try("a", 500*time.Millisecond); !taken {
			t.Fatal("a free lock was refused")
		}
		if taken, by := try("b", time.Minute); taken || by.Holder != "a" {
			t.Fatalf("taken %v, by %+v", taken, by)
		}
		time.Sleep(600 * time.Millisecond)
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
