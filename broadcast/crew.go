package broadcast

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Crew is one process at work on broadcasts of one account. What would cost something for
// each broadcast is there once: the heartbeat, the look at what there is to do, the turn to
// claim, and the senders.
type Crew struct {
	store       Store
	accountID   int64
	worker      string // its name in the store; unique to one process
	concurrency int
	log         *slog.Logger

	lead lead
	pulse
	queue

	fixing fixing
	serial serial

	mu      sync.Mutex
	runners map[*runner]bool
	jobs    chan job // to the senders
	noted   chan job // those of channels that note each message first
	// reserved has one for each sender that has, or is to get, a noted message.
	reserved chan struct{}
	endWork  func() // ends what goes on while there are runners
}

// NewCrew makes a process's crew for an account, with so many calls in flight at most.
func NewCrew(store Store, accountID int64, concurrency int, log *slog.Logger) *Crew {
	return &Crew{
		store: store, accountID: accountID, worker: wxcast.NewWorkerName(),
		fixing: fixing{turn: semaphore.NewWeighted(1)}, concurrency: concurrency, log: log,
		noted: make(chan job, concurrency), reserved: make(chan struct{}, max(1, concurrency)),
		runners: map[*runner]bool{}, serial: serial{busy: map[person]chan struct{}{}},
		pulse: pulse{now: make(chan struct{}, 1)},
		queue: queue{open: map[wxcast.Lane]time.Time{}, news: make(chan struct{}, 1), done: make(chan struct{})},
	}
}

// join makes a runner one of the crew. The first one begins the crew's work.
func (c *Crew) join(r *runner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runners[r] = true
	if len(c.runners) > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	// A millisecond's messages may be handed out ahead of the senders, for fewer turns of
	// the scheduler: none at the rates where each message's moment counts.
	jobs := make(chan job, min(c.concurrency, int(max(r.b.Rate, r.Rate)/1000)))
	c.jobs = jobs
	c.beaten.Store(new(time.Now()))
	var work sync.WaitGroup
	work.Go(func() { c.beat(ctx) })
	work.Go(func() { c.takeTurns(ctx) })
	noted := c.noted
	for range c.concurrency {
		work.Go(func() {
			for {
				select {
				case j, more := <-jobs:
					if !more {
						return
					}
					j.batch.by.try(j)
				case j := <-noted:
					j.batch.by.try(j)
					c.release()
				}
			}
		})
	}
	c.endWork = func() {
		cancel()
		close(jobs)
		work.Wait()
	}
}

// leave ends a runner's part; with the last one the crew rests.
func (c *Crew) leave(r *runner) {
	c.mu.Lock()
	delete(c.runners, r)
	end := c.endWork
	if len(c.runners) > 0 {
		end = func() {}
	}
	c.mu.Unlock()
	end() // not under the lock, which those who work take
}

// all are the runners at work.
func (c *Crew) all() []*runner {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*runner, 0, len(c.runners))
	for r := range c.runners {
		all = append(all, r)
	}
	return all
}

// held are the leases of all that the process works on.
func (c *Crew) held() []int64 {
	held := []int64{}
	for _, r := range c.all() {
		held = append(held, r.batches.leases()...)
	}
	return held
}

// pulse is when the process last knew that its leases are its own.
type pulse struct {
	beaten   atomic.Pointer[time.Time] // when the last heartbeat that succeeded began
	doubted  atomic.Pointer[time.Time] // when something said that this process stood still
	now      chan struct{}             // asks for a heartbeat at once
	mu       sync.Mutex
	next     chan struct{} // closed at the next heartbeat that succeeds
	platform struct {
		ahead time.Duration // the furthest that WeChat's clock was before the store's
		at    time.Time     // when it last was about there
	}
}

// since is how long ago a time was, by the clock that says the longer: the monotonic one
// stands still while a machine sleeps, and the wall clock may be set.
func since(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
