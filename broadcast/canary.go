package broadcast

import (
	"context"

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
		first, err := r.store.MoveCanary(ctx, b.Ref(), wxcast.CanaryMove{
			From: b.Canary, To: wxcast.CanaryWaiting, State: wxcast.BroadcastRunning, Until: until,
			Reason: wxcast.Say("canary.sent", "share", r.Canary.Share, "until", until),
		})
		if first {
			r.Log.InfoContext(ctx, "the canary was sent", "broadcast_id", b.ID, "judged_at", until)
		}
		return true, err
	case b.Canary == wxcast.CanaryWaiting && r.store.Now().Before(b.CanaryUntil):
		return false, nil
	case b.Canary != wxcast.CanaryWaiting:
		return true, nil // another worker has judged it
	}
	tally, err := r.store.Tally(ctx, b.Ref())
	if err != nil {
		return false, err
	}
	move := wxcast.CanaryMove{From: wxcast.CanaryWaiting, To: wxcast.CanaryNone, State: wxcast.BroadcastRunning}
	if move.Reason = r.canaryFault(tally); !move.Reason.IsZero() {
		move.State = wxcast.BroadcastPaused
	}
	first, err := r.store.MoveCanary(ctx, b.Ref(), move)
	switch {
	case err != nil || !first:
	case move.State == wxcast.BroadcastPaused:
		r.Log.ErrorContext(ctx, "broadcast paused", "broadcast_id", b.ID, "reason", move.Reason)
	default:
		r.Log.InfoContext(ctx, "the canary is well; the others follow", "broadcast_id", b.ID, "sent", tally.Sent)
	}
	return true, err
}

// canaryFault is what a canary's tally says against sending to the others; zero where that
// is nothing. What is held for review, or in doubt, has not gone well. A canary of which
// most people got no message has shown nothing.
func (r *runner) canaryFault(t wxcast.Tally) wxcast.Sentence {
	failed, tried := t.Failed+t.Undelivered+t.Unknown, t.Sent+t.Failed+t.Unknown
	switch people := tried + t.Skipped - t.ByErrCode[wxcast.ErrCodeHeldOut]; {
	case tried == 0 || 2*tried < people:
		return wxcast.Say("canary.few", "n", tried, "of", people, "codes", sampleCodes(t.ByErrCode))
	case float64(failed) > r.Canary.MaxFailed*float64(tried):
		return wxcast.Say("canary.failed", "n", failed, "of", tried, "codes", sampleCodes(t.ByErrCode), "most",
			r.Canary.MaxFailed)
	}
	return wxcast.Sentence{}
}
