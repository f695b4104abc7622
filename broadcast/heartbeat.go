package broadcast

import (
	"context"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// beat keeps the leases alive as long as sends may be in flight, and tells each broadcast's
// runner how it stands.
func (c *Crew) beat(ctx context.Context) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.pulse.now:
		}
		if err := c.beatOnce(ctx); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "no heartbeat: the store does not answer, and leases are not renewed", "err", err)
		}
	}
}

// beatOnce is one heartbeat.
func (c *Crew) beatOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	begun := time.Now()
	if err := c.renew(ctx, begun); err != nil {
		return err
	}
	if err := c.survey(ctx); err != nil {
		return err
	}
	if err := c.store.SyncClock(ctx); err != nil {
		return err
	}
	c.beatenAt(begun)
	return nil
}

// renew extends the leases that this process holds. One that the store does not know any
// more is another's by now: nothing of it leaves.
func (c *Crew) renew(ctx context.Context, begun time.Time) error {
	held := c.held()
	if len(held) == 0 {
		return nil
	}
	renewed, err := c.store.RenewLeases(ctx, c.accountID, c.worker, held, leaseTTL)
	if err != nil {
		return err
	}
	for _, r := range c.all() {
		r.batches.renewed(held, renewed, begun)
	}
	return nil
}

// survey tells the runners how their broadcasts stand, and stops those whose broadcast is not
// running any more.
func (c *Crew) survey(ctx context.Context) error {
	all := c.all()
	ids := make([]int64, len(all))
	for i, r := range all {
		ids[i] = r.b.ID
	}
	standings, err := c.store.Survey(ctx, c.accountID, ids, c.held())
	if err != nil {
		return err
	}
	for _, r := range all {
		i := slices.IndexFunc(standings, func(s wxcast.Standing) bool {
			return s.ID == r.b.ID && s.Channel == r.facts.Name
		})
		if i < 0 || !r.worksOn(standings[i].State) {
			r.halt(errHalted)
			continue
		}
		c.stands(r, standings[i])
	}
	return nil
}

// beatenAt notes a heartbeat that succeeded, for those who wait for it.
func (c *Crew) beatenAt(begun time.Time) {
	c.beaten.Store(&begun)
	c.pulse.mu.Lock()
	defer c.pulse.mu.Unlock()
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// outOfTouch tells whether the store has taken no heartbeat for a lease's length: what this
// process held may be others' by now, and it asks for no more until it knows.
func (c *Crew) outOfTouch() bool { return since(*c.beaten.Load()) > leaseTTL }

// sure tells whether the process knew a moment ago that its leases are its own, and nothing
// since has said that it stood still. A process that is frozen with its clock, as with a
// virtual machine that is suspended, sends in good faith what others have sent meanwhile:
// after this long at the most it asks. WeChat's clock tells it earlier, or the store's: whichever
// is heard first, since with the store's time the process takes in a new measure for WeChat's.
func (c *Crew) sure() bool {
	beaten, doubted := c.beaten.Load(), c.doubted.Load()
	return since(*beaten) < sureFor && (doubted == nil || beaten.After(*doubted)) &&
		beaten.After(c.store.ClockJumped())
}

// makeSure waits until the process is sure, no longer than stop says.
func (c *Crew) makeSure(ctx context.Context, stop func() bool) {
	for !c.sure() && ctx.Err() == nil && !stop() {
		c.pulse.mu.Lock()
		if c.next == nil {
			c.next = make(chan struct{})
		}
		next := c.next
		c.pulse.mu.Unlock()
		c.askForBeat()
		awake := time.NewTimer(idlePoll)
		select {
		case <-ctx.Done():
		case <-next:
		case <-awake.C:
		}
		awake.Stop()
	}
}

func (c *Crew) askForBeat() {
	select {
	case c.pulse.now <- struct{}{}:
	default: // it is asked for already
	}
}

// heard takes in what WeChat's clock showed when it answered. It stands beside the store's,
// as this process knows that; a clock that has suddenly moved ahead of it tells that this
// process stood still, and its clock with it. WeChat has many machines, and an answer may be
// late: what counts is the furthest ahead that was seen lately.
func (c *Crew) heard(date time.Time) {
	c.pulse.mu.Lock()
	defer c.pulse.mu.Unlock()
	now, ahead, p := time.Now(), date.Sub(c.store.Now()), &c.platform
	switch {
	case p.at.IsZero(), p.ahead-ahead > stoodStill && now.Sub(p.at) > lately:
		p.ahead, p.at = ahead, now
	case ahead-p.ahead > stoodStill:
		p.ahead, p.at = ahead, now
		c.doubted.Store(&now)
		c.askForBeat()
	case p.ahead-ahead <= stoodStill:
		p.ahead, p.at = max(p.ahead, ahead), now
	}
}
