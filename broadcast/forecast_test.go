package broadcast_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestForetell(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, wxcast.Beijing)
	at := func(day, hour, minute, second int) time.Time {
		return time.Date(2026, 11, day, hour, minute, second, 0, wxcast.Beijing)
	}
	for name, test := range map[string]struct {
		n    int64
		rate float64
		q    wxcast.Quota
		keep int64
		days int
		ends time.Time

		quiet []value.QuietHours
	}{
		"no known limit": {36_000, 10, wxcast.Quota{}, 0, 1, at(20, 13, 0, 0), nil},
		"inside today's quota": {9_000, 10, wxcast.Quota{Limit: 10_000, Used: 1000}, 0, 1, at(20, 12, 15, 0),
			nil},
		"the rest goes tomorrow": {9_001, 10, wxcast.Quota{Limit: 10_000, Used: 1000}, 0, 2,
			at(21, 0, 5, 0).Add(100 * time.Millisecond), nil},
		"keep counts every day":         {25_000, 100, wxcast.Quota{Limit: 10_000}, 1000, 3, at(22, 0, 6, 10), nil},
		"nothing is left today":         {100, 10, wxcast.Quota{Limit: 1000, Used: 1000}, 0, 2, at(21, 0, 5, 10), nil},
		"the day ends before the quota": {100_000, 1, wxcast.Quota{Limit: 1_000_000}, 0, 2, at(21, 15, 46, 40), nil},
		"quiet hours hold it up": {36_001, 1, wxcast.Quota{}, 0, 2, at(21, 8, 0, 1),
			[]value.QuietHours{{From: 22 * time.Hour, To: 8 * time.Hour}}},
		"lunch is quiet": {7200, 1, wxcast.Quota{}, 0, 1, at(20, 15, 0, 0),
			[]value.QuietHours{{From: 12 * time.Hour, To: 13 * time.Hour}}},
		"what is kept is all there ever": {1, 10, wxcast.Quota{Limit: 1000}, 1000, 0, time.Time{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := broadcast.Foretell(noon, test.n,
				broadcast.Options{Rate: test.rate, QuotaKeep: test.keep, Quiet: test.quiet}, test.q)
			if f.Days != test.days || !f.EndsAt.Equal(test.ends) {
				t.Errorf("%d days, ends %v; want %d, %v", f.Days, f.EndsAt.In(wxcast.Beijing), test.days, test.ends)
			}
		})
	}
}
