package broadcast

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// fixFirst recipients get their rows before the first message leaves, the others while messages
	// leave: as many in one transaction as leave in a second, but no fewer, and fixBatch at most.
	fixFirst = 1000
	fixBatch = 5000
	// fixAgain is how long after another process was found to fix recipients it is looked at
	// again, lest that one died.
	fixAgain = 500 * time.Millisecond
	// fixAhead is how much faster recipients get their rows than messages may leave, but for rests
	// of fixRest at most. It is looked each hungerPoll whether the senders want more.
	fixAhead   = 4
	fixRest    = time.Second
	hungerPoll = 50 * time.Millisecond
	// fixGather is how long whose turn it is waits for others that began in the same moment.
	fixGather = 10 * time.Millisecond
)

// fixing is of whoever gives recipients their rows: one at a time, since the sends need
// connections, too.
type fixing struct {
	turn *semaphore.Weighted

	mu      sync.Mutex
	waiting []*first // for the rows of a broadcast's first recipients
}

// first is a broadcast that waits for the rows of its first recipients, and what came of it.
type first struct {
	id    int64
	given *wxcast.Fixing
}

// fixFirstOnes gives the first recipients of a broadcast their rows, before anybody claims, and tells
// how many have theirs. Whose turn it is does that for all who wait for theirs: many small
// broadcasts cost the store one transaction.
func (c *Crew) fixFirstOnes(ctx context.Context, b *wxcast.Broadcast) (total int64, err error) {
	if b.Fixed {
		return 0, nil
	}
	own := &first{id: b.ID}
	c.fixing.wait(own)
	defer c.fixing.leave(own)
	if err := c.fixing.turn.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	defer c.fixing.turn.Release(1)
	if own.given == nil {
		pause(ctx, fixGather)
		if err := c.fixWaiting(ctx, own); err != nil {
			return 0, err
		}
	}
	return fixedSoFar(b, *own.given)
}

// fixWaiting does it for all who wait, its own first. What fails is tried again by each alone: it
// may be another's fault.
func (c *Crew) fixWaiting(ctx context.Context, own *first) error {
	all := c.fixing.behind(own)
	err := c.fixSome(ctx, all)
	if err != nil && len(all) > 1 {
		return c.fixSome(ctx, all[:1])
	}
	return err
}

func (c *Crew) fixSome(ctx context.Context, all []*first) error {
	ids := make([]int64, len(all))
	for i, f := range all {
		ids[i] = f.id
	}
	given, err := c.store.FixTogether(ctx, c.accountID, ids, fixFirst)
	if err != nil {
		return err
	}
	for i := range given {
		all[i].given = &given[i]
	}
	return nil
}

func (f *fixing) wait(own *first) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, own)
}

func (f *fixing) leave(own *first) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = slices.DeleteFunc(f.waiting, func(other *first) bool { return other == own })
}

// behind are those who wait, and have got nothing yet, behind the one whose turn it is.
func (f *fixing) behind(own *first) []*first {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []*first{own}
	for _, other := range f.waiting {
		if other != own && other.given == nil {
			all = append(all, other)
		}
	}
	return all
}

// fixNext gives the next recipients their rows, and tells how many have theirs.
func (c *Crew) fixNext(ctx context.Context, b *wxcast.Broadcast, batch int) (total int64, err error) {
	if b.Fixed {
		return 0, nil
	}
	if err := c.fixing.turn.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	defer c.fixing.turn.Release(1)
	given, err := c.store.FixTogether(ctx, c.accountID, []int64{b.ID}, batch)
	if err != nil {
		return 0, err
	}
	return fixedSoFar(b, given[0])
}

func fixedSoFar(b *wxcast.Broadcast, f wxcast.Fixing) (total int64, err error) {
	if f.Busy {
		return 0, wxcast.ErrBusy
	}
	b.Fixed = f.Fixed
	return f.Total, nil
}

// fix gives the recipients behind the first ones their rows while those are being sent to, by the
// first channel.
func (c *Crew) fix(ctx context.Context, b wxcast.Broadcast, from int64, first string) error {
	begun := time.Now()
	for !b.Fixed && ctx.Err() == nil {
		rate, _ := c.appetite(b, first)
		total, err := c.fixNext(ctx, &b, min(max(int(rate), fixFirst), fixBatch))
		switch {
		case errors.Is(err, wxcast.ErrBusy):
			pause(ctx, fixAgain)
			continue
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			c.haltAll(b.ID, err)
			return err
		}
		c.wakeChannel(b.ID, "")
		if from == 0 { // another process was at it when this one began
			from = total
		}
		if !b.Fixed {
			c.restFixing(ctx, b, first, total-from, begun)
		}
	}
	return nil
}

// restFixing waits after some recipients have got their rows since a time, by this process or others:
// they get them fixAhead times as fast as messages may leave, and what else goes on has the store
// meanwhile. It does not wait where the senders have run out of recipients: many may be ones who
// get no message.
func (c *Crew) restFixing(ctx context.Context, b wxcast.Broadcast, first string, given int64, begun time.Time) {
	for resting := time.Now(); ctx.Err() == nil; {
		rate, hungry := c.appetite(b, first)
		rest := time.Duration(float64(given)/(fixAhead*rate)*float64(time.Second)) - time.Since(begun)
		if rest = min(rest, fixRest-time.Since(resting)); hungry || rest <= 0 {
			return
		}
		pause(ctx, min(rest, hungerPoll))
	}
}
