package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Growth is counted by Beijing days, which begin at 16:00 UTC.
func TestGrowthIsCountedByBeijingDay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var all []wxcast.Follower
		for i, at := range []string{"2026-11-18T15:59:59Z", "2026-11-18T16:00:00Z", "2026-11-19T15:59:59Z",
			"2026-11-19T16:00:00Z", "2026-10-01T00:00:00Z"} {
			when, err := time.Parse(time.RFC3339, at)
			must(t, err)
			all = append(all, wxcast.Follower{OpenID: wxcast.OpenID(rune('a' + i)), Subscribed: true,
				SubscribeTime: when})
		}
		must(t, w.Follow(t.Context(), w.account, all, w.Now()))
		_, err := w.Unfollow(t.Context(), w.account, []wxcast.OpenID{"a", "b"}, w.Now())
		must(t, err)
		today := wxcast.DayOf(w.Now())
		growth, err := w.GrowthByDay(t.Context(), w.account, wxcast.Day("2026-11-18").Begin(), today.Next().Begin())
		must(t, err)
		want := map[wxcast.Day]wxcast.Growth{"2026-11-18": {Gained: 1}, "2026-11-19": {Gained: 2},
			"2026-11-20": {Gained: 1}}
		left := want[today]
		left.Lost = 2
		want[today] = left
		for day, g := range want {
			if growth[day] != g {
				t.Errorf("%s: %+v, want %+v", day, growth[day], g)
			}
		}
		if len(growth) != len(want) {
			t.Errorf("%+v", growth)
		}
		for day, used := range map[wxcast.Day]int64{"2026-11-17": 1, "2026-11-18": 2, "2026-11-20": 3,
			"2026-11-21": 4} {
			w.told(t, day, wxcast.Quota{Limit: 10, Used: used})
		}
		days, err := w.QuotaHistory(t.Context(), w.account, sendAPI, "2026-11-18", "2026-11-20")
		must(t, err)
		if len(days) != 2 || days[0].Day != "2026-11-18" || days[0].Used != 2 || days[1].Used != 3 {
			t.Errorf("%+v", days)
		}
	})
}
