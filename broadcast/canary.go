package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// judgeCanary takes a canary whose messages were all sent a step further: it waits for
// its time, and then either lets the others follow or pauses the broadcast. moved is
// false while there is nothing to do but to wait.
func (r *runner) judgeCanary(ctx context.Context) (moved bool, err error) {
	b, err := r.store.Broadcast(ctx, r.b.Ref())
	if err != nil {
		return false, err
	}
	switch {
	case b.Canary == wxcast.CanarySending:
		until := r.store.Now().Add(r.Canary.Wait)
		if _, err := r.store.MoveCanary(ctx, b.Ref(), b.Canary, wxcast.CanaryWaiting, until); err != nil {
			return false, err
		}
		reason := wxcast.Say("canary.sent", "share", r.Canary.Share, "until", until)
		r.Log.InfoContext(ctx, "the canary was sent", "broadcast_id", b.ID, "judged_at", until)
		return true, r.move(ctx, wxcast.Move{To: wxcast.BroadcastRunning, Reason: reason, ResumeAt: until})
	case b.Canary == wxcast.CanaryWaiting && r.store.Now().Before(b.CanaryUntil):
		return false, nil
	case b.Canary != wxcast.CanaryWaiting:
		return true, nil // another worker has judged it
	}
	tally, err := r.store.Tally(ctx, b.Ref())
	if err != nil {
		return false, err
	}
	if first, err := r.store.MoveCanary(ctx, b.Ref(), wxcast.CanaryWaiting, wxcast.CanaryNone,
		time.Time{}); err != nil || !first {
		return true, err
	}
	failed, all := tally.Failed+tally.Undelivered, tally.Sent+tally.Failed
	state, reason := wxcast.BroadcastRunning, wxcast.Sentence{}
	if float64(failed) > r.Canary.MaxFailed*float64(all) {
		state = wxcast.BroadcastPaused
		reason = wxcast.Say("canary.failed", "n", failed, "of", all, "codes", sampleCodes(tally.ByErrCode), "most",
			r.Canary.MaxFailed)
		r.Log.ErrorContext(ctx, "broadcast paused", "broadcast_id", b.ID, "reason", reason)
	} else {
		r.Log.InfoContext(ctx, "the canary is well; the others follow", "broadcast_id", b.ID, "failed", failed, "of",
			all)
	}
	return true, r.move(ctx, wxcast.Move{To: state, Reason: reason})
}
