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
	// ends is when the fresh deliveries are no longer ours, unless their lease is
	// renewed: Unix nanoseconds of this machine's clock.
	ends    atomic.Int64
	dayEnds time.Time // of the day on which its quota is booked
	left    int       // deliveries without an end; the recorder's own
}

// mayStillSend tells whether a delivery of the batch is still this worker's. The
// wall clock decides, not the monotonic one: that stands still while a laptop
// sleeps, and the lease does not.
func (b *batch) mayStillSend(retry bool, storeNow time.Time) bool {
	if retry {
		return storeNow.Before(b.RetriesUntil.Add(-leaseMargin))
	}
	return time.Now().UnixNano() < b.ends.Load()
}

// registry are the batches that a process works on, for the renewal of leases.
type registry struct {
	mu  sync.Mutex
	all []*batch
}

func (r *registry) add(c wxcast.Claim, ends time.Time) *batch {
	b := &batch{Claim: c, dayEnds: c.Day.Next().Begin(), left: len(c.Retries) + len(c.Fresh)}
	b.ends.Store(ends.UnixNano())
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

// renewed notes which leases the store has just extended. A lease that another
// worker has dissolved is not among them, and ends as it was going to.
func (r *registry) renewed(leases []int64, ends time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.all {
		if slices.Contains(leases, b.LeaseID) {
			b.ends.Store(ends.UnixNano())
		}
	}
}
