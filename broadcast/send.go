package broadcast

import (
	"context"
	"errors"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// job is one delivery on its way to a sender.
type job struct {
	wxcast.Delivery
	batch *batch
	retry bool
	noted bool // before it leaves, by this process
}

// result is what became of a job.
type result struct {
	job
	verdict
}

// returnJobs sends jobs that were not attempted straight to the recorder.
func (r *runner) returnJobs(jobs []job) {
	for _, j := range jobs {
		r.results <- result{j, verdict{unsent: true}}
	}
}

// send makes one attempt. It sends nothing when the lease has ended, or when
// WeChat may have forgotten the delivery's client_msg_id.
func (r *runner) send(ctx context.Context, j job) result {
	r.crew.makeSure(ctx, func() bool { return !j.batch.mayStillSend(j.retry) })
	at := r.store.Now()
	if !j.OpenSince.IsZero() && r.judge.windowOver(j.OpenSince, at) {
		if !r.judge.resends() {
			return result{j, verdict{outcome: expired(j.Delivery)}}
		}
		j.OpenSince = time.Time{}
	}
	if r.mayLeave(j) != nil {
		return result{j, verdict{unsent: true}}
	}
	defer r.crew.oneAtATime(r.lane, r.facts.Serial, r.facts.ID(&j.Delivery))()
	ctx = wechat.WithWatch(ctx, wechat.Watch{GoAhead: func(waited time.Duration) error {
		if waited > turnMissed && !r.b.OfMessages() {
			return errNotNow
		}
		return r.mayLeave(j)
	}, Heard: r.crew.heard})
	msgID, err := r.Channel.Send(ctx, &j.Delivery)
	if errors.Is(err, errNotNow) {
		return result{j, verdict{unsent: true}}
	}
	var bad *spec.ValueError
	if err != nil && errors.As(err, &bad) {
		return result{j, verdict{outcome: wxcast.Outcome{
			Recipient: j.Recipient, Message: j.Message, State: wxcast.DeliverySkipped, ErrCode: wxcast.ErrCodeBadValue,
			ErrMsg: messageOf(err), ID: r.facts.ID(&j.Delivery), RightAt: j.RightAt,
		}}}
	}
	v := r.judge.of(attempt{j.Delivery, msgID, err, at, r.store.Now()})
	if v.unsent { // nothing more may go out, not even until the recorder hears of it
		r.halt(errHalted)
	}
	return result{j, v}
}

// turnMissed is how long a call may wait for an access token and still be made in the turn
// that its message had. All senders wait for the same token: later they would call at once,
// beside those whose turn it is. Their messages are given back, and get new turns.
const turnMissed = 100 * time.Millisecond

// errNotNow is that a message may not leave, or not as this worker's.
var errNotNow = errors.New("the message may not leave any more")

// mayLeave tells whether a job's message may leave now: it is asked at once before each
// call, since a slow platform or a low rate may lie between the claim and that.
func (r *runner) mayLeave(j job) error {
	now := r.store.Now()
	if !r.crew.sure() || !j.batch.mayStillSend(j.retry) || r.offHours(now) ||
		now.Add(dayMargin).After(j.batch.dayEnds) || !j.RightUntil.IsZero() && now.Add(dayMargin).After(j.RightUntil) ||
		!j.ExpiresAt.IsZero() && j.OpenSince.IsZero() && now.Add(dayMargin).After(j.ExpiresAt) ||
		!j.OpenSince.IsZero() && r.judge.windowOver(j.OpenSince, now) {
		return errNotNow
	}
	return nil
}

// pause sleeps, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
