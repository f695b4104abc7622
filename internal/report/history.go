package report

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// historyDays is how many days the charts show, the report's own the last.
const historyDays = 30

// HistoryStore tells what happened on earlier days.
type HistoryStore interface {
	QuotaHistory(ctx context.Context, accountID int64, api string, from, to wxcast.Day) ([]wxcast.QuotaDay, error)
	GrowthByDay(ctx context.Context, accountID int64, from, to time.Time) (map[wxcast.Day]wxcast.Growth, error)
}

// PastDay is one day of the charts.
type PastDay struct {
	Day         wxcast.Day
	Limit, Used int64 // of messages; 0 where WeChat was not asked
	wxcast.Growth
}

// History are the days up to the report's, the oldest first.
func (a Account) History(ctx context.Context, store HistoryStore, day wxcast.Day) ([]PastDay, error) {
	first := wxcast.DayOf(day.Begin().Add(-(historyDays - 1) * 24 * time.Hour))
	quotas, err := store.QuotaHistory(ctx, a.ID, a.SendAPI, first, day)
	if err != nil {
		return nil, err
	}
	growth, err := store.GrowthByDay(ctx, a.ID, first.Begin(), day.Next().Begin())
	if err != nil {
		return nil, err
	}
	days := make([]PastDay, 0, historyDays)
	for d := first; d <= day; d = d.Next() {
		past := PastDay{Day: d, Growth: growth[d]}
		for _, q := range quotas {
			if q.Day == d {
				past.Limit, past.Used = q.Limit, q.Used
			}
		}
		days = append(days, past)
	}
	return days, nil
}
