package broadcast

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// lateMax is how long after its slot's end a message may still leave: a hundredth
	// of the second in which the rate is held.
	lateMax = 10 * time.Millisecond
	// napMin is the shortest wait worth sleeping for.
	napMin = 200 * time.Microsecond
)

// dispatch hands out each batch's deliveries, spread over the batch's time slot. On a
// halt it gives back what is left.
func (r *runner) dispatch(ctx context.Context, claims <-chan *batch, jobs chan<- job, results chan<- result) {
	for b := range claims {
		all := make([]job, 0, len(b.Retries)+len(b.Fresh))
		for _, d := range b.Retries {
			all = append(all, job{d, b, true})
		}
		for _, d := range b.Fresh {
			all = append(all, job{d, b, false})
		}
		turns := newTurns(b.Slot, len(all))
		for i, j := range all {
			if err := r.waitForTurn(ctx, turns, len(all)-i); err != nil || !r.handOut(ctx, turns, j, jobs) {
				if err != nil && ctx.Err() == nil {
					r.halt(err)
				}
				r.returnJobs(all[i:], results)
				break
			}
		}
	}
}

// turns spreads messages over a slot.
type turns struct {
	next, end time.Time
	gap       time.Duration
	// busy: in this slot all senders were busy at once. Then they are what is slow, we
	// are below the rate, and what is late may go on without a new slot.
	busy bool
}

func newTurns(slot wxcast.Slot, n int) *turns {
	return &turns{next: slot.Start, end: slot.End, gap: slot.End.Sub(slot.Start) / time.Duration(max(1, n))}
}

// stretch moves the turns that are left.
func (t *turns) stretch(by time.Duration) { t.next, t.end = t.next.Add(by), t.end.Add(by) }

// waitForTurn waits for the next turn of a batch with left messages to go. A process
// that was held up and missed its slot does not send into the slot of another, but
// takes a new one.
func (r *runner) waitForTurn(ctx context.Context, t *turns, left int) error {
	if r.probing.Load() { // WeChat is away: one message at a time finds out when it is back
		pause(ctx, probeEvery)
		t.stretch(probeEvery)
	}
	now := r.store.Now()
	switch late := now.Sub(t.end); {
	case late <= lateMax:
	case t.busy:
		t.stretch(late)
	default:
		at := time.Now()
		slot, err := r.store.TakeSlot(ctx, r.b.AccountID, t.gap*time.Duration(left), r.lead.get())
		if err != nil {
			return err
		}
		r.lead.took(time.Since(at))
		*t = *newTurns(slot, left)
		now = r.store.Now()
	}
	if wait := t.next.Sub(now); wait > napMin {
		pause(ctx, wait)
	}
	return ctx.Err()
}

// handOut gives a job to a sender; false on a halt.
func (r *runner) handOut(ctx context.Context, t *turns, j job, jobs chan<- job) bool {
	t.next = t.next.Add(t.gap)
	select {
	case jobs <- j:
		return true
	default:
	}
	t.busy = true
	select {
	case jobs <- j:
		return true
	case <-ctx.Done():
		return false
	}
}

// lead is how far ahead a slot must begin for us to be in time for it: a little more
// than the store's answers took lately.
type lead struct{ nanoseconds atomic.Int64 }

// leadMax bounds what one slow answer costs.
const leadMax = 250 * time.Millisecond

func (l *lead) get() time.Duration { return time.Duration(l.nanoseconds.Load()) }

func (l *lead) took(d time.Duration) {
	faded := l.get() * 9 / 10
	l.nanoseconds.Store(int64(min(max(d*5/4, faded), leadMax)))
}
