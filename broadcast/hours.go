package broadcast

import (
	"context"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// wrongHour stops a broadcast in quiet hours, and after its not_after.
func (r *runner) wrongHour(ctx context.Context) (stopped bool, err error) {
	now := r.store.Now()
	if !r.NotAfter.IsZero() && now.Add(claimTime).After(r.NotAfter) {
		reason := wxcast.Say("pause.not_after", "at", r.NotAfter)
		err := r.move(ctx, wxcast.Move{To: wxcast.BroadcastPaused, Reason: reason})
		r.halt(errHalted)
		return true, err
	}
	for _, q := range r.Quiet {
		if until := q.Until(now.Add(claimTime)); !until.IsZero() {
			return true, r.wait(ctx, wxcast.Say("wait.quiet", "hours", q.String()), until)
		}
	}
	return false, nil
}

// dayChanges tells whether midnight is near in Beijing, where the quota's days begin.
func (r *runner) dayChanges() bool {
	now := r.store.Now()
	return wxcast.DayOf(now) != wxcast.DayOf(now.Add(dayMargin+claimTime))
}

// offHours tells whether no message may leave at that time.
func (r *runner) offHours(at time.Time) bool {
	return !r.NotAfter.IsZero() && !at.Before(r.NotAfter) ||
		slices.ContainsFunc(r.Quiet, func(q value.QuietHours) bool { return !q.Until(at).IsZero() })
}
