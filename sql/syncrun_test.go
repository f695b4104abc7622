package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestASyncRunIsContinuedFromItsCheckpoint(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 4)
		run, resumed, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		if resumed {
			t.Error("a finished run was resumed")
		}
		must(t, w.StoreListingPage(t.Context(), run, wxcast.ListingPage{
			Number: 1, OpenIDs: []wxcast.OpenID{openid(1), openid(2), "onew"}, Next: "onew", Total: 5,
		}))
		run, resumed, err = w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		if !resumed || run.Pages != 1 || run.NextOpenID != "onew" || run.Listed != 3 || run.Total != 5 {
			t.Errorf("resumed %v: %+v", resumed, run)
		}
		page, err := w.ListingPage(t.Context(), run, 1)
		must(t, err)
		if none, err := w.ListingPage(t.Context(), run, 2); err != nil || len(none) != 0 || len(page) != 3 ||
			page[2] != "onew" {
			t.Errorf("page 1 is %v, page 2 %v; %v", page, none, err)
		}
		states, err := w.FollowerStates(t.Context(), w.account, page)
		must(t, err)
		if len(states) != 2 || !states[openid(1)] {
			t.Errorf("%v", states)
		}
		if other, resumed, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour); err != nil ||
			resumed || other.ID == run.ID {
			t.Errorf("another mode continued the run: %+v, %v", other, err)
		}
	})
}

func TestFollowersWithoutUnionIDAreAskedOnASlowingSchedule(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		run, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncFull, time.Hour)
		must(t, err)
		for asks, wait := range []time.Duration{20 * time.Hour, 72 * time.Hour, 168 * time.Hour, 720 * time.Hour,
			720 * time.Hour} {
			_, err = w.StoreFollowers(t.Context(), run,
				wxcast.Told{AskedAt: w.Now(), Followers: []wxcast.Follower{{OpenID: openid(1)}}}, wxcast.SyncProgress{})
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
		_, err = w.StoreFollowers(t.Context(), base,
			wxcast.Told{AskedAt: w.Now(), Followers: []wxcast.Follower{{OpenID: openid(1)}, {OpenID: openid(2)}}},
			wxcast.SyncProgress{})
		must(t, err)
		must(t, w.FinishSyncRun(t.Context(), base, "done", true))
		if got, err := w.BaseSyncRun(t.Context(), w.account); err != nil || got.ID != base.ID {
			t.Errorf("the base is %+v; %v", got, err)
		}
		aborted, _, err := w.OpenSyncRun(t.Context(), w.account, wxcast.SyncIncremental, time.Hour)
		must(t, err)
		_, err = w.StoreFollowers(t.Context(), aborted,
			wxcast.Told{AskedAt: w.Now(), Followers: []wxcast.Follower{{OpenID: openid(3)}},
				Gone: []wxcast.OpenID{openid(2)}},
			wxcast.SyncProgress{})
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
		for _, page := range []int{1, 2, 3, 4} { // where they are too many for one look
			for base, want := range map[wxcast.SyncRun]int{base: 2, {}: 3} {
				paged := 0
				for _, err := range w.FlippedInPages(t.Context(), base, run, page) {
					must(t, err)
					paged++
				}
				if paged != want {
					t.Errorf("in pages of %d there are %d, want %d", page, paged, want)
				}
			}
		}
		// The one that left is the base's own, but no listing brought it to this state.
		if len(sinceBase) != 2 || !slices.Contains(sinceBase, wxcast.FollowerState{OpenID: openid(2)}) ||
			!slices.Contains(sinceBase, wxcast.FollowerState{OpenID: openid(3), Subscribed: true}) {
			t.Errorf("since the base: %v", sinceBase)
		}
		if all := flipped(wxcast.SyncRun{}); len(all) != 3 ||
			!slices.Contains(all, wxcast.FollowerState{OpenID: openid(2)}) {
			t.Errorf("of all: %v", all)
		}
		runs, err := w.SyncRuns(t.Context(), w.account, 10)
		must(t, err)
		if len(runs) != 3 || !runs[0].FinishedAt.IsZero() || runs[1].Outcome != "it broke" || runs[2].ID != base.ID {
			t.Errorf("%+v", runs)
		}
	})
}
