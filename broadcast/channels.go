package broadcast

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// channelPoll is how often a channel that has stopped is looked at, while others go on.
const channelPoll = time.Second

// runAll works on a broadcast by all of its channels, each at its own pace: a person whom one
// cannot reach is due for the next. over tells that this process recorded its last outcome.
func (c *Crew) runAll(ctx context.Context, b wxcast.Broadcast, by []With, o Options) (over bool, err error) {
	var count counts
	// The first of them before anybody claims: who finds nobody yet has asked in vain.
	total, err := c.fixFirstOnes(ctx, &b)
	if err != nil && !errors.Is(err, wxcast.ErrBusy) {
		return false, err
	}
	all, ctx := errgroup.WithContext(ctx)
	fixing, fixed := context.WithCancel(ctx)
	defer fixed()
	ended := make(chan error, 1)
	go func() { ended <- c.fix(fixing, b, total, by[0].Channel.Facts().Name) }()
	for i, w := range by {
		next := ""
		if i+1 < len(by) {
			next = by[i+1].Channel.Facts().Name
		}
		all.Go(func() error { return c.runChannel(ctx, b, w, o, &count, len(by) == 1, next) })
	}
	err = all.Wait()
	fixed()
	if fixErr := <-ended; err == nil || errors.Is(err, context.Canceled) && fixErr != nil {
		err = fixErr
	}
	return count.over.Load(), err
}

// runChannel works on one channel. Where others go on while it has stopped, it goes on when it
// may again.
func (c *Crew) runChannel(ctx context.Context, b wxcast.Broadcast, w With, o Options, count *counts, alone bool,
	next string) error {
	for {
		r := newRunner(c, b, w, o)
		r.count, r.alone, r.next, r.judge.next = count, alone, next, next
		if err := r.run(ctx); err != nil || alone || ctx.Err() != nil {
			return err
		}
		var err error
		if b, err = c.awaitChannel(ctx, b, r.facts.Name); err != nil || b.State != wxcast.BroadcastRunning {
			return err
		}
	}
}

// awaitChannel waits until a channel may go on, or the broadcast is not running any more.
func (c *Crew) awaitChannel(ctx context.Context, b wxcast.Broadcast, channel string) (wxcast.Broadcast, error) {
	for ctx.Err() == nil {
		if err := c.store.WakeChannels(ctx, b.Ref(), false); err != nil {
			return b, err
		}
		after, err := c.store.Broadcast(ctx, b.Ref())
		if err != nil || after.State != wxcast.BroadcastRunning {
			return after, err
		}
		channels, err := c.store.BroadcastChannels(ctx, b.Ref())
		if err != nil {
			return after, err
		}
		for _, one := range channels {
			if one.Name == channel && one.State == wxcast.BroadcastRunning {
				return after, nil
			}
		}
		pause(ctx, channelPoll)
	}
	return b, ctx.Err()
}

// of are the runners of a broadcast, or of one of its channels.
func (c *Crew) of(id int64, channel string) (some []*runner) {
	for _, r := range c.all() {
		if r.b.ID == id && (channel == "" || r.facts.Name == channel) {
			some = append(some, r)
		}
	}
	return some
}

// wakeChannel lets a channel of a broadcast claim again, or all of them where it is "".
func (c *Crew) wakeChannel(id int64, channel string) {
	for _, r := range c.of(id, channel) {
		c.wake(r)
	}
}

// Wake lets a broadcast claim again, to which somebody has added a message.
func (c *Crew) Wake(id int64) { c.wakeChannel(id, "") }

func (c *Crew) haltAll(id int64, why error) {
	for _, r := range c.of(id, "") {
		r.halt(why)
	}
}
