package store_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Several broadcasts get their recipients' rows in one transaction, each as many as it may.
func TestSeveralBroadcastsGetTheirRecipientsTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 50)
		all := w.add(t, "all", wxcast.Audience{})
		few := w.add(t, "few", wxcast.Audience{Limit: 3})
		one := w.add(t, "one", wxcast.Audience{OpenID: openid(7)})
		before := w.add(t, "before", wxcast.Audience{})
		w.fix(t, before)
		ids := []int64{all.ID, few.ID, one.ID, before.ID}
		for call, want := range [][]wxcast.Fixing{
			{{Total: 20}, {Total: 3}, {Total: 1, Fixed: true}, {Total: 50, Fixed: true}},
			{{Total: 40}, {Total: 3, Fixed: true}, {Total: 1, Fixed: true}, {Total: 50, Fixed: true}},
			{{Total: 50, Fixed: true}, {Total: 3, Fixed: true}, {Total: 1, Fixed: true}, {Total: 50, Fixed: true}},
		} {
			var got []wxcast.Fixing
			for len(got) < len(ids) { // on a slow machine, it takes more than one call
				some, err := w.FixTogether(t.Context(), w.account, ids[len(got):], 20)
				must(t, err)
				if len(some) == 0 {
					t.Fatal("a call came to no broadcast, want one at least: whoever calls would call for ever")
				}
				got = append(got, some...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("call %d: %+v, want %+v", call, got, want)
			}
		}
		if tally := w.tally(t, few); tally.Recipients != 3 {
			t.Errorf("%d recipients where three are the most", tally.Recipients)
		}
	})
}

// Nobody gets two rows, or none, however many processes give several broadcasts their recipients.
func TestSeveralProcessesGiveRecipientsTheirRowsOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.follow(t, 60)
		var ids []int64
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			ids = append(ids, w.add(t, name, wxcast.Audience{}).ID)
		}
		var processes sync.WaitGroup
		for p := range 4 {
			processes.Go(func() {
				mine := slices.Concat(ids[p:], ids[:p]) // in another order each: nobody may wait in a circle
				for left := len(mine); left > 0; {
					some, err := w.FixTogether(t.Context(), w.account, mine, 7)
					if err != nil {
						t.Error(err)
						return
					}
					left = len(mine)
					for _, f := range some {
						if f.Fixed {
							left--
						}
					}
				}
			})
		}
		processes.Wait()
		for _, id := range ids {
			tally, err := w.Tally(t.Context(), wxcast.BroadcastRef{AccountID: w.account, ID: id})
			must(t, err)
			if tally.Recipients != 60 {
				t.Errorf("broadcast %d has %d recipients, want 60", id, tally.Recipients)
			}
		}
	})
}
