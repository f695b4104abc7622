package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// job is one delivery on its way to a sender.
type job struct {
	wxcast.Delivery
	batch *batch
	retry bool
}

// result is what became of a job.
type result struct {
	job
	verdict
}

// dispatch hands out each batch's deliveries at the account's rate, from the
// beginning of the batch's time slot. On a halt it gives back what is left.
func (r *runner) dispatch(ctx context.Context, claims <-chan *batch, jobs chan<- job, results chan<- result) {
	for b := range claims {
		all := make([]job, 0, len(b.Retries)+len(b.Fresh))
		for _, d := range b.Retries {
			all = append(all, job{d, b, true})
		}
		for _, d := range b.Fresh {
			all = append(all, job{d, b, false})
		}
		if wait := b.SlotStart.Sub(r.store.Now()); wait > 0 {
			pause(ctx, wait)
		}
		for i, j := range all {
			if !r.handOut(ctx, j, jobs) {
				r.returnJobs(all[i:], results)
				break
			}
		}
	}
}

// handOut gives one job to a sender when its turn has come; false on a halt.
func (r *runner) handOut(ctx context.Context, j job, jobs chan<- job) bool {
	if r.waitForTurn(ctx) != nil {
		return false
	}
	select {
	case jobs <- j:
		return true
	case <-ctx.Done():
		return false
	}
}

// waitForTurn keeps to the rate, and to single probes while WeChat is away.
func (r *runner) waitForTurn(ctx context.Context) error {
	if r.probing.Load() {
		pause(ctx, probeEvery)
	}
	return r.limiter.Wait(ctx)
}

// returnJobs sends jobs that were not attempted straight to the recorder.
func (r *runner) returnJobs(jobs []job, results chan<- result) {
	for _, j := range jobs {
		results <- result{j, verdict{unsent: true}}
	}
}

// send makes one attempt. It sends nothing when the lease has ended, or when
// WeChat may have forgotten the delivery's client_msg_id.
func (r *runner) send(ctx context.Context, j job) result {
	at := r.store.Now()
	if !j.OpenSince.IsZero() && windowOver(j.OpenSince, at) {
		return result{j, verdict{outcome: expired(j.Delivery)}}
	}
	if !j.batch.mayStillSend(j.retry, at) {
		return result{j, verdict{unsent: true}}
	}
	m, err := r.message.For(j.Delivery)
	if err != nil {
		return result{j, verdict{outcome: wxcast.Outcome{OpenID: j.OpenID, State: wxcast.DeliverySkipped, ErrMsg: messageOf(err)}}}
	}
	msgID, err := r.sender.SendTemplate(ctx, m)
	v := judge(j.Delivery, msgID, err, at, r.store.Now())
	if v.unsent { // nothing more may go out, not even until the recorder hears of it
		r.halt(errHalted)
	}
	return result{j, v}
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
