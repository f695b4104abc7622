package store_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

const year = 365 * 24 * time.Hour

// Each kind of row goes when it is as old as the configuration says, and not before.
func TestWhatIsOldGoes(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url)
		must(t, err)
		defer db.Close()
		w := newWorld(t, db)
		_, b := leaveTraces(t, w)
		_, err = w.MoveBroadcast(t.Context(), b.Ref(),
			wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastDone})
		must(t, err)
		_, err = w.Unfollow(t.Context(), w.account, []wxcast.OpenID{"o-PERSON-openid"}, w.Now())
		must(t, err)
		events, err := w.PendingCallbacks(t.Context(), w.account, 10)
		must(t, err)
		must(t, w.CallbacksApplied(t.Context(), w.account, []int64{events[0].ID}))
		_, err = w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Actor: "PERSON-wrote", Action: "sync"})
		must(t, err)
		before := w.tally(t, b)

		keep := func(r wxcast.Retention, left ...string) {
			t.Helper()
			_, err := w.KeepHouse(t.Context(), w.account, r)
			must(t, err)
			_, err = w.TrimAudit(t.Context(), w.account, r.Audit, w.markTrimmed(t))
			must(t, err)
			got := slices.Sorted(maps.Keys(tablesWith(t, url)))
			if !slices.Equal(got, slices.Sorted(slices.Values(left))) {
				t.Errorf("kept in %v, want %v", got, left)
			}
		}
		all := []string{"followers", "mini_users", "bridges", "list_rows", "deliveries", "blocks", "early_receipts",
			"callbacks", "events", "visits", "goals", "relays", "sync_pages", "optouts", "audit_log", "broadcasts",
			"permits", "draft_files", "testers"}
		everything := wxcast.Retention{Deliveries: year, Events: year, SubscribeEvents: year, Lists: year, Audit: year,
			FollowersGone: year, JobRuns: year, Notices: year, Permits: year}
		keep(everything, all...)
		w.PretendLater(2 * year)
		// For ever, but for what WeChat's rules date: refusals, and receipts of no message.
		keep(wxcast.Retention{}, "followers", "mini_users", "bridges", "list_rows", "deliveries", "callbacks",
			"events", "visits", "goals", "sync_pages", "optouts", "audit_log", "broadcasts", "permits", "draft_files",
			"testers")
		// A mini user is the mini program's; an opt-out outlives its person.
		keep(everything, "mini_users", "sync_pages", "optouts")

		after, err := w.Broadcast(t.Context(), b.Ref())
		must(t, err)
		if after.EmptiedAt.IsZero() || after.Kept == nil || after.Kept.Sent != before.Sent || before.Sent != 1 {
			t.Errorf("the broadcast whose deliveries were removed: %+v, counts %+v, want those of before: %+v", after,
				after.Kept, before)
		}
		if got := w.tally(t, b); got.Sent != before.Sent || got.Recipients != before.Recipients {
			t.Errorf("its counts are %+v, want %+v", got, before)
		}
		removed, err := w.KeepHouse(t.Context(), w.account, everything)
		if err != nil || removed != 0 {
			t.Errorf("a second time %d rows are removed (%v)", removed, err)
		}
	})
}

// A broadcast of many goes by batches, whole, and no other with it.
func TestDeliveriesGoByBatches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		old := w.broadcastTo(t, 900)
		late := w.next(t, old, "late", "TPL_ID")
		w.PretendLater(year)
		if _, err := w.MoveBroadcast(t.Context(), late.Ref(),
			wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastCancelled}); err != nil {
			t.Fatal(err)
		}
		removed, err := w.KeepHouse(t.Context(), w.account, wxcast.Retention{Deliveries: year / 2})
		if err != nil || removed < 900 {
			t.Errorf("%d rows removed (%v), want the 900 deliveries", removed, err)
		}
		if n := len(deliveriesOf(t, w, old)); n != 0 {
			t.Errorf("%d deliveries are left of 900 that are old", n)
		}
		if n := len(deliveriesOf(t, w, late)); n != 900 {
			t.Errorf("%d deliveries are left of the 900 of a broadcast that has just ended", n)
		}
	})
}

func deliveriesOf(t *testing.T, w world, b wxcast.Broadcast) []wxcast.PersonDelivery {
	t.Helper()
	all, err := w.Deliveries(t.Context(), b, wxcast.DeliveryKey{}, 10000)
	must(t, err)
	return all
}
