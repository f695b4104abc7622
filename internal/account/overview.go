package account

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Overview is how things stand with an account, from what is kept: nobody is counted for it.
type Overview struct {
	Quota    []wxcast.QuotaDay // of today, those that messages take first
	AtWork   []wxcast.Broadcast
	Alerts   []wxcast.Notice
	Coverage []Covered
	LastSync *SyncRun
	// LastReport is the last day whose report was kept; "" for none.
	LastReport wxcast.Day
	// LastCallback is when WeChat last told something, UTC; zero where nothing is kept.
	LastCallback time.Time
}

// Covered is the coverage of a mini program as the last join found it.
type Covered struct {
	MiniAppID wxcast.AppID
	bridge.Coverage
	At time.Time // UTC
}

// alertsShown is how many alerts are listed.
const alertsShown = 20

// Overview tells how things stand.
func (a *Account) Overview(ctx context.Context) (o Overview, err error) {
	now := a.db.Now()
	minis, err := a.minis(ctx)
	if err != nil {
		return o, err
	}
	if o.Quota, err = a.quotaOfMessages(ctx, minis, wxcast.DayOf(now)); err != nil {
		return o, err
	}
	for _, m := range minis {
		c, at, err := a.db.LastJoin(ctx, a.ID, m.ID)
		if err != nil {
			return o, err
		}
		if !at.IsZero() {
			o.Coverage = append(o.Coverage, Covered{m.AppID, bridge.CoverageOf(c), at})
		}
	}
	o.AtWork, err = a.db.BroadcastsAtWork(ctx, a.ID, now, now.AddDate(0, 0, 1))
	o.AtWork = slices.DeleteFunc(o.AtWork, wxcast.Broadcast.OfMessages)
	alerts, alertsErr := a.db.StandingAlerts(ctx, a.ID, alertsShown)
	last, syncErr := a.SyncRuns(ctx, 1)
	if len(last) > 0 {
		o.LastSync = &last[0]
	}
	days, daysErr := a.ReportDays(ctx)
	if len(days) > 0 {
		o.LastReport = days[0]
	}
	called, callErr := a.db.LastCallback(ctx, a.ID)
	o.Alerts, o.LastCallback = alerts, called
	return o, errors.Join(err, alertsErr, syncErr, daysErr, callErr)
}

// quotaOfMessages are today's quotas of what sends, of the account and of its mini programs.
func (a *Account) quotaOfMessages(ctx context.Context, minis []report.Mini, day wxcast.Day) (all []wxcast.QuotaDay,
	err error) {
	apps := []int64{a.ID}
	for _, m := range minis {
		apps = append(apps, m.ID)
	}
	for _, app := range apps {
		days, err := a.db.QuotaDays(ctx, app, day)
		if err != nil {
			return nil, err
		}
		for _, d := range days {
			if slices.ContainsFunc(Channels, func(c wxcast.Channel) bool { return c.API == d.API }) {
				all = append(all, d)
			}
		}
	}
	return all, nil
}

// Forecast is how many messages of what is at work go on each of the next days, by a quota a
// day; the last day has all that is left. Without a limit all go today.
func Forecast(pending int64, today wxcast.QuotaDay, days int) []int64 {
	all := make([]int64, days)
	if today.Limit <= 0 {
		all[0] = pending
		return all
	}
	for i := range all {
		left := today.Limit
		if i == 0 {
			left = max(0, today.Limit-today.Used)
		}
		if i == days-1 {
			left = math.MaxInt64
		}
		all[i] = min(pending, left)
		pending -= all[i]
	}
	return all
}

// BroadcastPage are an account's broadcasts before one, the latest first, without counts: those
// of one that is over are in Kept, where they were made since.
func (a *Account) BroadcastPage(ctx context.Context, before int64, limit int) ([]wxcast.Broadcast, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return a.db.PageBroadcasts(ctx, a.ID, before, limit)
}

// BroadcastAsStored is a broadcast without counts.
func (a *Account) BroadcastAsStored(ctx context.Context, id int64) (wxcast.Broadcast, error) {
	return a.broadcast(ctx, id)
}

// Summary is how a broadcast stands, by the counts that it has kept, or else counted.
func (a *Account) Summary(ctx context.Context, b wxcast.Broadcast) (report.Broadcast, error) {
	return report.OfBroadcast(ctx, a.db, b)
}
