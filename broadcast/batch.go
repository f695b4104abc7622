package broadcast

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// batch is one claim while this process works on it.
type batch struct {
	wxcast.Claim
	by      *runner
	renewed atomic.Pointer[time.Time] // when its lease was claimed or renewed
	lost    atomic.Bool               // the lease is another's by now
	taken   time.Time                 // when it was claimed, by this machine's clocks
	dayEnds time.Time                 // of the day on which its quota is booked
	left    int                       // deliveries without an end; the recorder's own
}

// mayStillSend tells whether a delivery of the batch is still this worker's.
func (b *batch) mayStillSend(retry bool) bool {
	if retry {
		return since(b.taken) < b.RetriesUntil.Sub(b.Slot.Now)-leaseMargin
	}
	return !b.lost.Load() && since(*b.renewed.Load()) < leaseTTL-leaseMargin
}

// hold is by what a delivery of the batch is this worker's.
func (b *batch) hold(retry bool) wxcast.Hold {
	if retry {
		return wxcast.Hold{Until: b.RetriesUntil}
	}
	return wxcast.Hold{LeaseID: b.LeaseID}
}

// registry are the batches that a process works on, for the renewal of leases.
type registry struct {
	mu  sync.Mutex
	all []*batch
}

// add takes a claim in that was asked for at a time.
func (r *registry) add(by *runner, c wxcast.Claim, at time.Time) *batch {
	b := &batch{Claim: c, by: by, taken: at, dayEnds: c.Day.Next().Begin(), left: len(c.Retries) + len(c.Fresh)}
	b.renewed.Store(&at)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, b)
	return b
}

func (r *registry) remove(b *batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(x *batch) bool { return x == b })
}

func (r *registry) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// leases are those that the process holds.
func (r *registry) leases() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make([]int64, 0, len(r.all))
	for _, b := range r.all {
		if b.LeaseID != 0 {
			held = append(held, b.LeaseID)
		}
	}
	return held
}

// renewed notes which of the leases that the process held the store has extended at a time.
// One that it has not is another's, who dissolved it.
func (r *registry) renewed(held, renewed []int64, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.all {
		switch {
		case slices.Contains(renewed, b.LeaseID):
			b.renewed.Store(&at)
		case slices.Contains(held, b.LeaseID):
			b.lost.Store(true)
		}
	}
}
