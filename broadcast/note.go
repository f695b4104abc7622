package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// noteEvery is the least time between two looks at what is about to leave: what comes
	// meanwhile is noted together.
	noteEvery = 10 * time.Millisecond
	noteMax   = 500
	// noteSpan is the time that a claim of such messages holds at most: a longer transaction
	// would hold up those that note them.
	noteSpan = 100 * time.Millisecond
)

// noteAll notes messages before they leave, where WeChat takes a repeat for another one: what is
// noted is never sent again, whatever becomes of this process, and what is not has not left. It
// notes no more than there are senders free: what is noted leaves at once. It ends when noting
// is closed.
func (r *runner) noteAll(ctx context.Context) {
	for first := range r.noting {
		begun := time.Now()
		r.crew.reserved <- struct{}{}
		r.hand(ctx, r.gather(first))
		pause(ctx, noteEvery-time.Since(begun))
	}
}

// hand notes jobs for each of which a sender is free, and hands them over.
func (r *runner) hand(ctx context.Context, jobs []job) {
	var deliveries []wxcast.DeliveryKey
	leaves := make([]bool, len(jobs))
	for i, j := range jobs {
		inDoubt := !j.OpenSince.IsZero()
		leaves[i] = r.working.Err() == nil && ctx.Err() == nil && (inDoubt || r.mayLeave(j) == nil)
		if leaves[i] && !inDoubt {
			deliveries = append(deliveries, j.Key())
		}
	}
	noted := map[wxcast.DeliveryKey]bool{}
	if len(deliveries) > 0 {
		ours, err := r.store.HandOver(ctx, r.b.Ref(), r.facts, deliveries)
		if err != nil && ctx.Err() == nil {
			r.halt(err)
		}
		for _, key := range ours {
			noted[key] = true
		}
	}
	for i, j := range jobs {
		// What is in doubt from before needs no note: it is never sent again.
		if leaves[i] && (noted[j.Key()] || !j.OpenSince.IsZero()) {
			j.noted = noted[j.Key()]
			r.crew.noted <- j
			continue
		}
		r.crew.release()
		r.results <- result{j, verdict{unsent: true}}
		r.flying.Done()
	}
}

// gather takes what else waits to be noted, as far as there are senders for it.
func (r *runner) gather(first job) []job {
	jobs := []job{first}
	for len(jobs) < noteMax {
		select {
		case r.crew.reserved <- struct{}{}:
		default:
			return jobs
		}
		select {
		case j, open := <-r.noting:
			if open {
				jobs = append(jobs, j)
				continue
			}
		default:
		}
		r.crew.release()
		return jobs
	}
	return jobs
}

func (c *Crew) release() { <-c.reserved }
