package console

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
)

// snapshot is how a broadcast stood at a moment, counted from its deliveries.
type snapshot struct {
	report.Broadcast
	At time.Time
	// Rate is how many messages a second left lately; less than 0 where it is not known.
	Rate float64

	// since is an earlier moment, from which the rate is reckoned, and tried what was tried then.
	since time.Time
	tried int64
}

// rateOver is the shortest time over which a rate is told.
const rateOver = 2 * time.Second

type broadcastKey struct{ account, broadcast int64 }

// snapshotOf is how a broadcast stands; nil where the first counting takes longer than until a time.
func (c *Console) snapshotOf(ctx context.Context, a *account.Account, id int64, until time.Time) (*snapshot, error) {
	return c.counts.get(ctx, broadcastKey{a.ID, id}, until, func(ctx context.Context, before *snapshot) (snapshot,
		error) {
		at := time.Now()
		summary, err := a.Broadcast(ctx, id)
		return next(before, summary, at), err
	})
}

// next is the snapshot that follows another; nil for the first.
func next(before *snapshot, b report.Broadcast, at time.Time) snapshot {
	tried := b.Sent + b.Failed + b.Unknown // what was handed to WeChat
	s := snapshot{Broadcast: b, At: at, Rate: -1, since: at, tried: tried}
	if before == nil {
		return s
	}
	over := at.Sub(before.since)
	if over < rateOver {
		s.Rate, s.since, s.tried = before.Rate, before.since, before.tried
		return s
	}
	s.Rate = max(0, float64(tried-before.tried)/over.Seconds())
	return s
}
