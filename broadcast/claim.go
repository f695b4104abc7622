package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// claim asks the store for work, one batch ahead of the sends, until ctx ends. What
// has begun is seen through, within the grace of sending: a claim that is cut short
// might be made and not be known, and another worker that ends the broadcast in this
// instant is no error of ours.
func (r *runner) claim(ctx, sending, recording context.Context, claims chan<- *batch) error {
	for ctx.Err() == nil {
		if stopped, err := r.wrongHour(sending); stopped || err != nil {
			return err
		}
		if r.dayChanges() { // what would be claimed now could not leave on its quota
			pause(ctx, idlePoll)
			continue
		}
		span, ok := r.crew.wantTurn(ctx, r)
		if !ok {
			return nil
		}
		c, b, err := r.claimOnce(ctx, sending, span)
		r.crew.endTurn(r, c)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case c.Loss != nil:
			return r.pauseAfterLoss(sending, *c.Loss)
		case !r.worksOn(c.State), c.ChannelStopped:
			r.halt(errHalted)
			return nil
		case c.Stranded:
			err := r.store.Strand(sending, r.b.Ref())
			r.halt(errHalted)
			return err
		case b != nil:
			select {
			case claims <- b:
			case <-ctx.Done():
				return r.giveBack(recording, b)
			}
			continue
		}
		if again, err := r.idle(ctx, sending, c); err != nil || !again {
			return err
		}
	}
	return nil
}

// claimOnce asks the store for work once, in the runner's turn; the batch is nil where there
// is none.
func (r *runner) claimOnce(ctx, sending context.Context, span time.Duration) (wxcast.Claim, *batch, error) {
	if r.noting != nil {
		span = min(span, noteSpan)
	}
	lead := r.crew.lead.get()
	if r.b.OfMessages() { // they leave when they are here
		lead = 0
	}
	at := time.Now()
	c, err := r.store.Claim(sending, wxcast.ClaimRequest{
		Broadcast: r.b.Ref(), Channel: r.facts, Lane: r.lane, Worker: r.crew.worker, Max: r.claimSize(),
		Span: span, Held: r.crew.held(), Lead: lead, Ahead: ahead,
		QuotaKeep: r.QuotaKeep, Reserve: r.Reserve, LeaseTTL: leaseTTL, Cap: r.Cap, Profile: r.Channel.Profile(),
		Through: r.through, Repeats: r.repeats(),
	})
	r.crew.lead.took(time.Since(at))
	if err != nil {
		return c, nil, err
	}
	r.count.skipped.Add(int64(c.Skipped))
	r.ended(wxcast.DeliverySkipped, c.Skipped)
	r.count.unknown.Add(int64(c.Unknown))
	r.ended(wxcast.DeliveryUnknown, c.Unknown)
	if c.FellThrough > 0 {
		r.crew.wakeChannel(r.b.ID, r.next)
	}
	r.tellClaim(ctx, c)
	if len(c.Retries)+len(c.Fresh) == 0 {
		return c, nil, nil
	}
	r.askedAt = time.Time{}
	r.tellPace(ctx, c.Slot.Share)
	return c, r.batches.add(r, c, r.crew.taken(c.Slot, at)), nil
}

// repeats is how long what is in doubt may be tried again by a claim; 0 for as long as it takes.
func (r *runner) repeats() time.Duration {
	if r.judge.resends() || r.through > 0 {
		return 0
	}
	return max(0, r.facts.DedupWindow-windowMargin)
}

// pauseAfterLoss pauses all of the account's broadcasts: the store has lost who was sent to.
func (r *runner) pauseAfterLoss(ctx context.Context, loss wxcast.Loss) error {
	r.Log.ErrorContext(ctx, "the store has lost what it had confirmed: all broadcasts are paused",
		"broadcast_id", r.b.ID,
		"lost", loss.Span, "messages", loss.Messages)
	err := r.store.PauseAfterLoss(ctx, r.b.AccountID, loss)
	r.halt(errHalted)
	return err
}

// tellClaim says what was odd about a claim.
func (r *runner) tellClaim(ctx context.Context, c wxcast.Claim) {
	if c.TakenOver > 0 {
		r.Log.WarnContext(ctx, "the work of a dead process is taken over", "broadcast_id", r.b.ID, "leases",
			c.TakenOver)
		if r.TakenOver != nil {
			r.TakenOver(c.TakenOver)
		}
	}
	if c.ClockBack > 0 {
		r.Log.WarnContext(ctx, "the store's clock went back: what was in doubt then is not repeated", "by", c.ClockBack)
	}
	if c.NotBelieved > 0 {
		r.Log.WarnContext(ctx, "time was taken that is too far ahead: a clock was wrong; it is not believed", "ahead",
			c.NotBelieved)
	}
}

// claimSize is how many deliveries to ask for: no more than the senders get done in
// claimTime, lest others have nothing left to do in the end.
func (r *runner) claimSize() int {
	switch speed := r.speed.Load(); {
	case r.watch.probing.Load():
		return probeMax // more would only lapse
	case speed > 0:
		return min(max(int(float64(speed)*claimTime.Seconds()), claimMin), claimMax)
	default:
		return claimMax
	}
}

// idle does what a claim without work asks for; again tells whether to claim again.
func (r *runner) idle(ctx, sending context.Context, c wxcast.Claim) (again bool, err error) {
	switch {
	case c.Advanced:
		return true, nil
	case c.Exhausted && r.through > 0:
		r.halt(errHalted)
		return false, nil
	case c.Exhausted:
		return false, r.finish(sending)
	case c.CanarySent:
		moved, err := r.judgeCanary(sending)
		if moved {
			r.crew.wake(r)
		}
		return err == nil, err
	case c.QuotaUnread, c.QuotaSpent:
		waiting, err := r.askQuota(sending, c)
		r.crew.wake(r)
		return !waiting && err == nil, err
	case c.Behind != r.behind:
		if r.behind = c.Behind; r.behind != 0 {
			r.Log.InfoContext(ctx, "waiting for a broadcast with a higher priority, or an older one", "broadcast_id",
				r.b.ID, "goes_first", r.behind)
		}
	}
	return true, nil
}
