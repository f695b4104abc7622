package broadcast

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// lateMax is how long after its slot's end a message may still leave: a hundredth
	// of the second in which the rate is held.
	lateMax = 10 * time.Millisecond
	// catchUpMax is how late a turn may be for the ones behind it to keep theirs.
	catchUpMax = 3 * time.Millisecond
	// catchUpPercent is how much faster than the rate late turns follow each other.
	catchUpPercent = 1
	// napMin is the shortest wait worth sleeping for.
	napMin = 200 * time.Microsecond
)

// stretch is what is left of a batch, and the time it has.
type stretch struct {
	jobs []job
	turns
	rate  float64 // of its broadcast, when it was claimed
	begun time.Time
	all   int // jobs at the beginning
}

// dispatch hands out each batch's deliveries, spread over the batch's time slot. On a
// halt it gives back what is left.
func (r *runner) dispatch(ctx context.Context, claims <-chan *batch) {
	var waiting []*stretch // by the beginning of their slots
	for r.nextStretches(&waiting, claims) {
		s := waiting[0]
		late, err := r.handOutAll(ctx, s)
		if late && err == nil {
			err = r.takeSlot(ctx, s)
		}
		switch {
		case err != nil:
			if ctx.Err() == nil {
				r.halt(err)
			}
			for _, s := range waiting {
				r.returnJobs(s.jobs)
			}
			waiting = nil
		case late: // another's slot may come before the new one
			slices.SortStableFunc(waiting, func(a, b *stretch) int { return a.next.Compare(b.next) })
		default:
			r.speed.Store(s.speed())
			waiting = waiting[1:]
		}
	}
}

// speed is how many a second were handed out, where the senders were what was slow.
func (s *stretch) speed() int64 {
	if !s.busy {
		return 0
	}
	return int64(float64(s.all) / max(time.Since(s.begun), time.Millisecond).Seconds())
}

// nextStretches adds the batches that are there, and waits for one if there is none
// to work on; false when no more will come.
func (r *runner) nextStretches(waiting *[]*stretch, claims <-chan *batch) bool {
	add := func(b *batch) {
		s := &stretch{jobs: make([]job, 0, len(b.Retries)+len(b.Fresh)), rate: b.Slot.Rate}
		for _, d := range b.Retries {
			s.jobs = append(s.jobs, job{Delivery: d, batch: b, retry: true})
		}
		for _, d := range b.Fresh {
			s.jobs = append(s.jobs, job{Delivery: d, batch: b})
		}
		s.turns, s.all = newTurns(b.Slot, b.taken, len(s.jobs)), len(s.jobs)
		*waiting = append(*waiting, s)
	}
	if len(*waiting) == 0 {
		b, more := <-claims
		if more {
			add(b)
		}
		return more
	}
	if (*waiting)[0].taken { // it waits for a slot that came late: look for an earlier one
		select {
		case b, more := <-claims:
			if more {
				add(b)
				slices.SortStableFunc(*waiting, func(a, b *stretch) int { return a.next.Compare(b.next) })
			}
		default:
		}
	}
	return true
}

// turns spreads messages over a slot. Its times are this machine's, and go by the monotonic
// clock: a wait for a time of the store's would last for as long as that clock is set back.
type turns struct {
	due, next, end time.Time // when the next is due, when it may leave, when the slot ends
	gap            time.Duration
	// busy: in this slot all senders were busy at once. Then they are what is slow, we
	// are below the rate, and what is late may go on without a new slot.
	busy  bool
	taken bool // the slot was taken for what missed its first one
	// first: nothing of that slot has left yet. One message does, however late it is: on a
	// machine that is always late nothing would.
	first bool
}

// newTurns spreads n messages over a slot that was taken at a time of this machine's.
func newTurns(slot wxcast.Slot, taken time.Time, n int) turns {
	start, end := slot.At(slot.Start, taken), slot.At(slot.End, taken)
	return turns{due: start, next: start, end: end,
		gap: slot.End.Sub(slot.Start) / time.Duration(max(1, n))}
}

// advance goes on to the next turn. One that is late catches up a little with each.
func (t *turns) advance() {
	t.due = t.due.Add(t.gap)
	if t.next = t.next.Add(t.gap - t.gap*catchUpPercent/100); t.next.Before(t.due) {
		t.next = t.due
	}
}

// handOutAll hands out a stretch's jobs at their turns; late tells that those left
// missed their slot: a process that was held up must not send into another's.
func (r *runner) handOutAll(ctx context.Context, s *stretch) (late bool, err error) {
	if s.begun.IsZero() {
		s.begun = time.Now()
	}
	out := r.crew.jobs
	if r.noting != nil {
		out = r.noting
	}
	for len(s.jobs) > 0 {
		if r.watch.probing.Load() { // WeChat is away: one message at a time finds out when it is back
			if lapsed := r.lapsed(s.jobs); lapsed > 0 {
				// They would be handed out one a second, and be nothing to find out with.
				r.returnJobs(s.jobs[:lapsed])
				s.jobs = s.jobs[lapsed:]
				continue
			}
			// Its slot may be over long since. One message a second needs none: were it
			// late, each stretch would wait for a new slot in turn, and nothing would go out.
			pause(ctx, probeEvery)
			if now := time.Now(); s.end.Before(now) {
				s.end = now
			}
		}
		now := time.Now()
		if now.Sub(s.end) > lateMax {
			// Turns closer than a nap are faster than a process can be sure to be.
			if !s.busy && s.gap > napMin && !s.first && !r.b.OfMessages() {
				return true, nil
			}
			s.end, s.due, s.next = now, now, now
		}
		// What a short stop made late is not sent at once, but spread.
		if now.Sub(s.next) > catchUpMax {
			s.next = now
		}
		if wait := s.next.Sub(now); wait > napMin {
			pause(ctx, wait)
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		r.flying.Add(1)
		select {
		case out <- s.jobs[0]:
		default:
			s.busy = true
			select {
			case out <- s.jobs[0]:
			case <-ctx.Done():
				r.flying.Done()
				return false, ctx.Err()
			}
		}
		s.jobs, s.first = s.jobs[1:], false
		s.advance()
	}
	return false, nil
}

// lapsed is how many of the first jobs are no longer this worker's.
func (r *runner) lapsed(jobs []job) (n int) {
	for n < len(jobs) && !jobs[n].batch.mayStillSend(jobs[n].retry) {
		n++
	}
	return n
}

// takeSlot takes new time for what is left of a stretch.
func (r *runner) takeSlot(ctx context.Context, s *stretch) error {
	at := time.Now()
	slot, err := r.store.TakeSlot(ctx, r.b.AccountID, r.lane, len(s.jobs), s.rate, r.crew.lead.get())
	if err != nil {
		return err
	}
	r.crew.lead.took(time.Since(at))
	s.turns = newTurns(slot, r.crew.taken(slot, at), len(s.jobs))
	s.taken, s.first = true, true
	return nil
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
