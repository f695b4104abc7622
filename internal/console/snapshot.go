package console

import (
	"context"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
)

const (
	// snapshotLeast is how old a broadcast's counts are at least before they are made again:
	// however many look at it.
	snapshotLeast = time.Second
	// snapshotShare is how much of the time counting may take: the counts of a large broadcast
	// are made less often, and its sending goes on as fast.
	snapshotShare = 20
	// snapshotWait is how long a page waits for its first counts; then it says that they come.
	snapshotWait = 120 * time.Millisecond
	// snapshotKept is how long the counts of a broadcast are kept at which nobody looks.
	snapshotKept = time.Minute
	// countWithin bounds one counting.
	countWithin = 30 * time.Second
	// rateOver is the shortest time over which a rate is told.
	rateOver = 2 * time.Second
)

// snapshot is how a broadcast stood at a moment, counted from its deliveries.
type snapshot struct {
	report.Broadcast
	Whole int64 // recipients in all; 0 while they are being fixed
	At    time.Time
	// Rate is how many messages a second left lately; less than 0 where it is not known.
	Rate float64
}

// snapshots are the counts of the broadcasts at which somebody looks: each is counted once for
// all who do.
type snapshots struct {
	mu sync.Mutex
	of map[snapshotKey]*counted
}

type snapshotKey struct{ account, broadcast int64 }

// counted is one broadcast's counts, and those of a little before.
type counted struct {
	last, before *snapshot
	err          error
	took         time.Duration
	counting     chan struct{} // closed when the counting at work ends; nil for none
	looked       time.Time
}

func newSnapshots() *snapshots { return &snapshots{of: map[snapshotKey]*counted{}} }

// get is how a broadcast stands, at most so old that it is not worth while to count again; nil
// where the first counting takes long.
func (s *snapshots) get(ctx context.Context, a *account.Account, id int64) (*snapshot, error) {
	s.mu.Lock()
	key, now := snapshotKey{a.ID, id}, time.Now()
	c := s.of[key]
	if c == nil {
		c = &counted{}
		s.of[key] = c
	}
	c.looked = now
	s.forget(now)
	if c.counting == nil && (c.last == nil || now.Sub(c.last.At) > max(snapshotLeast, snapshotShare*c.took)) {
		c.counting = make(chan struct{})
		go s.count(context.WithoutCancel(ctx), a, id, c)
	}
	last, counting := c.last, c.counting
	s.mu.Unlock()
	if last != nil && (counting == nil || now.Sub(last.At) < snapshotKept) {
		return last, nil
	}
	select {
	case <-counting:
	case <-time.After(snapshotWait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.last, c.err
}

// count counts a broadcast's deliveries.
func (s *snapshots) count(ctx context.Context, a *account.Account, id int64, c *counted) {
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	began := time.Now()
	summary, whole, err := a.BroadcastProgress(ctx, id)
	took := time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(c.counting)
	c.counting, c.err, c.took = nil, err, took
	if err != nil {
		return
	}
	next := &snapshot{Broadcast: summary, Whole: whole, At: began, Rate: -1}
	if c.before == nil || next.At.Sub(c.before.At) > 5*rateOver {
		c.before = c.last
	}
	if c.before != nil {
		if over := next.At.Sub(c.before.At); over >= rateOver {
			next.Rate = float64(tried(next.Broadcast)-tried(c.before.Broadcast)) / over.Seconds()
			c.before = c.last
		} else if c.last != nil {
			next.Rate = c.last.Rate
		}
	}
	c.last = next
}

// tried are the messages that were handed to WeChat.
func tried(b report.Broadcast) int64 { return b.Sent + b.Failed + b.Unknown }

// forget forgets what nobody has looked at for a while.
func (s *snapshots) forget(now time.Time) {
	for key, c := range s.of {
		if c.counting == nil && now.Sub(c.looked) > snapshotKept {
			delete(s.of, key)
		}
	}
}
