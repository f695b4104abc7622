package broadcast

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// beat keeps the leases alive as long as sends may be in flight, and notices when
// the broadcast is paused or cancelled.
func (r *runner) beat(ctx context.Context) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := r.beatOnce(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "no heartbeat: the store does not answer, and leases are not renewed",
				"broadcast_id", r.b.ID, "err", err)
		}
	}
}

// beatOnce is one heartbeat.
func (r *runner) beatOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	if err := r.renew(ctx); err != nil {
		return err
	}
	b, err := r.store.Broadcast(ctx, r.b.Ref())
	if err != nil {
		return err
	}
	if b.State != wxcast.BroadcastRunning {
		r.halt(errHalted)
	}
	r.alive.Store(time.Now().UnixNano())
	_ = r.store.SyncClock(ctx) // the old offset serves until the next beat
	return nil
}

// outOfTouch tells whether the store has taken no heartbeat for a lease's length: what this
// process held may be others' by now, and it asks for no more until it knows.
func (r *runner) outOfTouch() bool {
	return time.Now().UnixNano()-r.alive.Load() > int64(leaseTTL)
}

// renew extends the leases that this process holds.
func (r *runner) renew(ctx context.Context) error {
	held := r.batches.leases()
	if len(held) == 0 {
		return nil
	}
	at := time.Now()
	renewed, err := r.store.RenewLeases(ctx, r.b.AccountID, r.worker, held, leaseTTL)
	if err == nil {
		r.batches.renewed(renewed, at.Add(leaseTTL-leaseMargin))
	}
	return err
}
