package broadcast

import (
	"context"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// SeeThrough ends the doubts of a broadcast that was paused or cancelled: who may have the
// message is asked for again as long as WeChat takes a repeat for the same, and is unknown
// then. Nobody else gets anything: those of a dead worker's claim, too, may never have been
// sent to, and only wait. It returns the broadcast as it stands when there is nothing to ask
// any more, or it is no longer stopped.
func (c *Crew) SeeThrough(ctx context.Context, b wxcast.Broadcast, by []With, o Options) (_ wxcast.Broadcast,
	err error) {
	for _, w := range by {
		if b, err = c.seeThrough(ctx, b, w, o); err != nil {
			return b, err
		}
	}
	return b, nil
}

// seeThrough ends the doubts of one channel.
func (c *Crew) seeThrough(ctx context.Context, b wxcast.Broadcast, w With, o Options) (wxcast.Broadcast, error) {
	r := newRunner(c, b, w, o)
	var err error
	if r.through = r.facts.DedupWindow - windowMargin; r.through > 0 {
		b, err = c.after(ctx, b, r.run(ctx))
	}
	if err == nil && (!r.judge.resends() || b.State == wxcast.BroadcastCancelled) {
		err = c.store.CloseDoubts(ctx, b.Ref(), r.facts, r.lane, max(r.through, 0))
	}
	return b, err
}

// SeeThrough sees doubts through with a crew of its own: see Crew.SeeThrough.
func SeeThrough(ctx context.Context, store Store, b wxcast.Broadcast, by []With, o Options) (wxcast.Broadcast, error) {
	return NewCrew(store, b.AccountID, o.Concurrency, o.Log).SeeThrough(ctx, b, by, o)
}

// worksOn tells whether the runner's work is on a broadcast in a state.
func (r *runner) worksOn(state wxcast.BroadcastState) bool {
	if r.through > 0 {
		return state.Stopped()
	}
	return state == wxcast.BroadcastRunning
}
