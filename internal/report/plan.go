package report

import (
	"context"
	"encoding/json"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Plan is what is still to be sent today, and whether the quota covers it.
type Plan struct {
	Day        wxcast.Day `json:"day"` // today, when the report was made
	Broadcasts []Planned  `json:"broadcasts"`
	Needed     int64      `json:"needed"` // messages, of all of them
	// Remain is what WeChat allows today beside what is kept free; null where it was not
	// asked, and where it gives no limit.
	Remain  *int64 `json:"remain"`
	Covered *bool  `json:"covered"` // null where Remain is
}

// Planned is a broadcast that sends today.
type Planned struct {
	ID      int64                 `json:"id"`
	Name    string                `json:"name"`
	State   wxcast.BroadcastState `json:"state"`
	At      *time.Time            `json:"at"` // when it begins or goes on; null: now
	Pending int64                 `json:"pending"`
}

// addPlan looks at what runs, waits or is scheduled before the end of today.
func (r *Report) addPlan(ctx context.Context, store Store, account Account, told map[string]wxcast.Quota) error {
	now := store.Now()
	today := wxcast.DayOf(now)
	plan := &Plan{Day: today, Broadcasts: []Planned{}}
	unfinished, err := store.BroadcastsAtWork(ctx, account.ID, now, now)
	if err != nil {
		return err
	}
	for _, b := range unfinished {
		waits := b.State == wxcast.BroadcastWaiting || b.State == wxcast.BroadcastScheduled
		if b.State != wxcast.BroadcastRunning && !(waits && b.ResumeAt.Before(today.Next().Begin())) {
			continue
		}
		one := Planned{ID: b.ID, Name: b.Name, State: b.State}
		if waits && b.ResumeAt.After(now) {
			one.At = &b.ResumeAt
		}
		if one.Pending, err = stillToSend(ctx, store, b); err != nil {
			return err
		}
		plan.Needed += one.Pending
		plan.Broadcasts = append(plan.Broadcasts, one)
	}
	limit, used, err := sendQuota(ctx, store, account, today, told)
	if err != nil {
		return err
	}
	if limit > 0 {
		remain := max(0, limit-used-account.QuotaKeep)
		covered := plan.Needed <= remain
		plan.Remain, plan.Covered = &remain, &covered
	}
	r.Plan = plan
	return nil
}

// stillToSend counts a broadcast's deliveries that are to come; before its recipients are
// fixed, those who would be.
func stillToSend(ctx context.Context, store Store, b wxcast.Broadcast) (int64, error) {
	if !b.Fixed {
		n, err := store.CountAudience(ctx, b.AccountID, b.Audience)
		return n.Recipients, err
	}
	tally, err := store.Tally(ctx, b.Ref())
	return tally.Pending, err
}

// sendQuota is today's limit of messages, and how many are used; 0, 0 where it is not known.
func sendQuota(ctx context.Context, store Store, account Account, today wxcast.Day,
	told map[string]wxcast.Quota) (limit, used int64, err error) {
	if q, ok := told[account.SendAPI]; ok {
		return q.Limit, q.Used, nil
	}
	days, err := store.QuotaDays(ctx, account.ID, today)
	for _, d := range days {
		if d.API == account.SendAPI {
			return d.Limit, d.Used, err
		}
	}
	return 0, 0, err
}

// kept is the report of a day that is over, as it was told the morning after: who follows
// and is bridged now is not who did then.
func kept(ctx context.Context, store Store, accountID int64, day wxcast.Day) (r Report, found bool, err error) {
	data, err := store.KeptReport(ctx, accountID, day)
	if err != nil || data == "" {
		return r, false, err
	}
	err = json.Unmarshal([]byte(data), &r)
	r.Plan = nil // was the next morning's
	return r, err == nil, err
}
