package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// askQuota reads today's quota from WeChat. If it is spent the broadcast waits
// for the next day, once nothing is in flight, here or elsewhere, that was promised
// some of it.
func (r *runner) askQuota(ctx context.Context, c wxcast.Claim) (waiting bool, err error) {
	unread := c.QuotaUnread
	if !unread && (c.Leased || r.batches.size() > 0) {
		pause(ctx, idlePoll)
		return false, nil
	}
	if !unread && time.Since(r.askedAt) < quotaPause {
		reason := wxcast.Say("wait.quota", "api", r.facts.API)
		if keep := r.keep(); keep > 0 {
			reason = wxcast.Say("wait.quota_kept", "api", r.facts.API, "keep", keep)
		}
		return true, r.waitForQuota(ctx, reason)
	}
	if !unread {
		// After the last claim and before waiting: only WeChat knows whether its day
		// has changed, and tells it by a counter that has fallen.
		r.askedAt = time.Now()
	}
	return false, r.readQuota(ctx)
}

// quotaAgain is when there may be quota again after it was spent at now.
func quotaAgain(now time.Time) time.Time {
	day := wxcast.DayOf(now)
	if now.Sub(day.Begin()) < lateReset {
		return now.Add(lookAgain)
	}
	return day.Next().Begin().Add(dayBegins)
}

const (
	// askAgain is how long a refusal is waited out that WeChat's counter does not bear out.
	askAgain = 5 * time.Minute
)

// stopForQuota puts the broadcast off after a 45009. WeChat is asked for its own count: where
// that says that plenty is left, the refusal is an accident of minutes, not of the day.
func (w *recordWriter) stopForQuota(ctx context.Context) error {
	now := w.store.Now()
	q, err := w.store.ReadQuota(ctx, w.lane, wxcast.DayOf(now), w.Platform.GetQuota)
	if err == nil && q.Limit > 0 && float64(q.Limit-q.Used) > wxcast.QuotaMargin*float64(q.Limit) {
		w.Log.WarnContext(ctx, "WeChat refuses (45009), and counts quota that is left", "broadcast_id", w.b.ID, "api",
			w.lane.API, "left", q.Limit-q.Used)
		err := w.stop(ctx, wxcast.Move{To: wxcast.BroadcastWaiting,
			Reason: wxcast.Say("wait.45009_left", "api", w.lane.API, "n", q.Limit-q.Used), ResumeAt: now.Add(askAgain)})
		w.halt(errHalted)
		return err
	}
	if err := w.store.SpendQuota(ctx, w.lane, wxcast.DayOf(now)); err != nil {
		return err
	}
	return w.waitForQuota(ctx, wxcast.Say("wait.45009", "api", w.lane.API))
}

// readQuota asks WeChat for today's quota of the lane and stores it. An account that may
// not ask, or gets no answer, is taken to have the limit that was read before, or no known
// one: then 45009 is the limit.
func (r *runner) readQuota(ctx context.Context) error {
	_, err := r.store.ReadQuota(ctx, r.lane, wxcast.DayOf(r.store.Now()),
		func(ctx context.Context, api string) (wxcast.Quota, error) {
			quota, err := r.Platform.GetQuota(ctx, api)
			if err == nil || ctx.Err() != nil {
				return quota, err
			}
			r.Log.WarnContext(ctx, "WeChat did not tell the quota", "api", api, "err", err)
			return wxcast.Quota{API: api}, nil
		})
	return err
}
