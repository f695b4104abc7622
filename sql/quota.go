package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type quotaRow struct {
	API        string
	Day        wxcast.Day
	DailyLimit int64 `db:"daily_limit"`
	Used       int64
	ReadUsed   int64 `db:"read_used"`
	Claimed    int64
	Ours       int64
	ReadOurs   int64 `db:"read_ours"`
	Messages   int64 // what single messages took, of what we reserved
	Doubtful   bool
	ReadAt     time.Time `db:"read_at"`
}

// atMost is how many calls may have been used: what we reserved, or what WeChat counted and
// what we have reserved and had not recorded by then, some of which it may have counted.
func (q quotaRow) atMost() int64 { return max(q.Used, q.ReadUsed+q.Claimed-q.ReadOurs) }

// quotaQuiet is how long after our last message WeChat's counter is taken to have
// caught up with us.
const quotaQuiet = time.Minute

// ReadQuota asks WeChat for a lane's quota of the day, and stores the answer. Our own
// reservations stand beside it until WeChat's counter has caught up. Calls that are recorded
// while the answer is on its way may not be in it: they count as in flight.
func (db *DB) ReadQuota(ctx context.Context, lane wxcast.Lane, day wxcast.Day,
	ask func(ctx context.Context, api string) (wxcast.Quota, error)) (wxcast.Quota, error) {
	var before quotaRow // zero where nothing is known of the day yet
	err := db.get(within(ctx, hurried), &before, db.q.GetQuota, lane.AppID, lane.API, day)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return wxcast.Quota{}, fmt.Errorf("look up the quota of %s: %w", lane.API, err)
	}
	q, err := ask(ctx, lane.API)
	if err != nil {
		return q, err
	}
	now := db.Now()
	if _, err := db.exec(within(ctx, hurried), db.q.PutQuota, lane.AppID, lane.API, day, q.Limit, q.Used, now,
		now.Add(-quotaQuiet), before.Ours); err != nil {
		return q, fmt.Errorf("save the quota of %s: %w", lane.API, err)
	}
	return q, nil
}

// WakeForQuota lets an account's broadcasts go on that wait for a lane's quota, where enough
// of the day's is left, by what is known of it, and returns how many.
func (db *DB) WakeForQuota(ctx context.Context, accountID int64, lane wxcast.Lane) (woken int64, err error) {
	ctx = within(ctx, hurried)
	now := db.Now()
	var row quotaRow
	err = db.get(ctx, &row, db.q.GetQuota, lane.AppID, lane.API, wxcast.DayOf(now))
	left := int64(math.MaxInt64) // WeChat tells no limit
	switch {
	case errors.Is(err, ErrNotFound), err == nil && row.Doubtful:
		return 0, nil
	case err == nil && row.DailyLimit > 0:
		left = row.DailyLimit - row.atMost() - int64(wxcast.QuotaMargin*float64(row.DailyLimit))
	}
	if err == nil {
		woken, err = db.exec(ctx, db.q.WakeForQuota, accountID, lane.AppID, lane.API, left, now)
	}
	if err == nil {
		_, err = db.exec(ctx, db.q.WakeChannelsForQuota, accountID, lane.AppID, lane.API, left)
	}
	if err != nil {
		return 0, fmt.Errorf("wake those that wait for quota: %w", err)
	}
	return woken, nil
}

// SpendQuota marks an API's quota of the day as used up: WeChat said so.
func (db *DB) SpendQuota(ctx context.Context, lane wxcast.Lane, day wxcast.Day) error {
	ctx = within(ctx, hurried)
	if _, err := db.exec(ctx, db.q.SpendQuota, lane.AppID, lane.API, day); err != nil {
		return fmt.Errorf("mark the quota of %s as spent: %w", lane.API, err)
	}
	return nil
}

// CountCalls notes calls that an app made, by API: of those whose outcomes are not recorded.
func (db *DB) CountCalls(ctx context.Context, appID int64, calls map[string]int64) error {
	now := db.Now()
	for api, n := range calls {
		if _, err := db.execOnce(ctx, appID, db.q.CountOtherCalls, appID, api, wxcast.DayOf(now), n, now); err != nil {
			return fmt.Errorf("note calls of %s: %w", api, err)
		}
	}
	return nil
}

// QuotaDays returns what is known of the account's quotas on a day, by API.
func (db *DB) QuotaDays(ctx context.Context, accountID int64, day wxcast.Day) ([]wxcast.QuotaDay, error) {
	var rows []quotaRow
	if err := db.list(ctx, &rows, db.q.ListQuota, accountID, day); err != nil {
		return nil, fmt.Errorf("look up quotas of %s: %w", day, err)
	}
	return quotaDays(rows), nil
}

// QuotaHistory returns what is known of one API's quotas from a day to another, both
// included.
func (db *DB) QuotaHistory(ctx context.Context, accountID int64, api string, from, to wxcast.Day) ([]wxcast.QuotaDay,
	error) {
	var rows []quotaRow
	if err := db.list(ctx, &rows, db.q.QuotaHistory, accountID, api, from, to); err != nil {
		return nil, fmt.Errorf("look up quotas of %s: %w", api, err)
	}
	return quotaDays(rows), nil
}

func quotaDays(rows []quotaRow) []wxcast.QuotaDay {
	days := make([]wxcast.QuotaDay, len(rows))
	for i, r := range rows {
		days[i] = wxcast.QuotaDay{API: r.API, Day: r.Day, Limit: r.DailyLimit, Used: r.Used, Ours: r.Ours,
			ReadAt: r.ReadAt.UTC()}
	}
	return days
}
