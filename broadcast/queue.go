package broadcast

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// round is how long it may take until each of many broadcasts has had its turn, and
	// spanMin the least time that one claim holds then.
	round   = 2 * time.Second
	spanMin = 60 * time.Millisecond
	// ahead is how long before its time work is claimed at the earliest.
	ahead = 300 * time.Millisecond
	// messagesEvery is the least time between two claims of single messages, and claimShare
	// how much longer than the last claim took it is, up to messagesMost: what comes meanwhile
	// is claimed together.
	messagesEvery = 30 * time.Millisecond
	claimShare    = 5
	messagesMost  = 70 * time.Millisecond
)

// queue gives the turn to claim to one of the process's broadcasts at a time.
type queue struct {
	mu   sync.Mutex
	open map[wxcast.Lane]time.Time // when it has time again that may be claimed
	news chan struct{}             // something has changed
	done chan struct{}             // whoever had the turn has ended it
}

// place is a runner's in the queue, guarded by the queue's mutex.
type place struct {
	turn     chan time.Duration // where it waits for its turn: how much time to claim; nil else
	due      time.Time          // when it may be its turn, by this machine's clock
	idle     bool               // nothing is known of that it could claim, until a survey tells
	hungry   bool               // its last claim found nobody who may get the message
	woken    bool               // something has changed since its turn began
	began    time.Time          // when its last turn began
	again    time.Time          // until when single messages are not claimed again
	priority int
	rate     float64
	paced    time.Time // when its last messages are out
}

// never is a time that does not come.
var never = time.Unix(math.MaxInt32, 0)

// wantTurn waits for a runner's turn to claim; ok is false where ctx has ended. The
// runner must call endTurn.
func (c *Crew) wantTurn(ctx context.Context, r *runner) (span time.Duration, ok bool) {
	turn := make(chan time.Duration, 1)
	c.queue.mu.Lock()
	r.place.turn = turn
	c.queue.mu.Unlock()
	c.tell()
	select {
	case span := <-turn:
		return span, true
	case <-ctx.Done():
	}
	c.queue.mu.Lock()
	given := r.place.turn == nil
	r.place.turn = nil
	c.queue.mu.Unlock()
	if given {
		c.done <- struct{}{}
	}
	return 0, false
}

// taken is when, on this machine's clock, a slot was taken that was asked for at a time. The
// store's clock as this process knows it tells it best, unless that has jumped meanwhile.
func (c *Crew) taken(s wxcast.Slot, asked time.Time) time.Time {
	ago, most := c.store.Now().Sub(s.Now), time.Since(asked)
	return time.Now().Add(-min(max(ago, 0), most))
}

// askMost is how long nothing is asked of the store at the most while the time of a slow
// broadcast runs: a faster one may begin, and the last message's end is the broadcast's.
const askMost = time.Second

// soon is a time, or askMost from now where that is sooner.
func soon(t, now time.Time) time.Time {
	if most := now.Add(askMost); t.After(most) {
		return most
	}
	return t
}

// endTurn ends a runner's turn, with what its claim told.
func (c *Crew) endTurn(r *runner, claim wxcast.Claim) {
	now := time.Now()
	local := func(t time.Time) time.Time { return claim.Slot.At(t, now) }
	c.queue.mu.Lock()
	r.place.again = now.Add(min(max(claimShare*now.Sub(r.place.began), messagesEvery), messagesMost))
	if !claim.LaneOpens.IsZero() {
		c.open[r.lane] = soon(local(claim.LaneOpens), now)
	}
	got := len(claim.Retries)+len(claim.Fresh) > 0
	r.place.hungry = !got && !claim.Advanced && claim.NextDue.IsZero() && !claim.QuotaUnread && !claim.QuotaSpent
	switch {
	case got:
		r.place.paced, r.place.idle = local(claim.Slot.End), claim.Last
		r.place.due = r.place.paced.Add(-ahead)
		if claim.Last { // until its outcomes are written
			r.place.due = never
		}
	case claim.Advanced:
		r.place.due = now
	case claim.NextDue.IsZero():
		r.place.due, r.place.idle = never, true
	default:
		r.place.due, r.place.idle = local(claim.NextDue), !claim.TooEarly
	}
	switch {
	case r.b.OfMessages() && (r.place.woken || len(claim.Retries) > 0):
		r.place.due = r.place.again
	case r.place.woken && (r.place.idle || r.place.due.Sub(now) > askMost):
		r.place.due = now
	}
	c.queue.mu.Unlock()
	c.done <- struct{}{}
}

// stands takes in how a runner's broadcast stands.
func (c *Crew) stands(r *runner, s wxcast.Standing) {
	now, store := time.Now(), c.store.Now()
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	r.place.priority = s.Priority
	paced := time.Time{}
	if !s.Paced.IsZero() {
		paced = now.Add(s.Paced.Sub(store))
	}
	if paced.After(r.place.paced) { // others sent, too
		r.place.paced = paced
	}
	switch due := now.Add(s.Due.Sub(store)); {
	case s.Rate != r.place.rate: // what was too early need not be any more
		r.place.rate = s.Rate
		r.place.paced, r.place.due, c.open[r.lane] = paced, now, now
	case r.place.idle && !s.Due.IsZero() && due.Before(r.place.due):
		r.place.due = due
	}
	c.tell()
}

// wake lets a runner claim again: something has changed for it.
func (c *Crew) wake(r *runner) {
	c.queue.mu.Lock()
	switch now := time.Now(); {
	case r.b.OfMessages():
		if r.place.again.Before(r.place.due) {
			r.place.due = r.place.again
		}
	case r.place.idle || r.place.due.Sub(now) > askMost:
		r.place.due = now
	}
	r.place.woken = true
	c.queue.mu.Unlock()
	c.tell()
}

// appetite is the rate of a broadcast by one of its channels, and whether that knows of nothing to
// claim.
func (c *Crew) appetite(b wxcast.Broadcast, channel string) (rate float64, hungry bool) {
	rate = b.Rate
	all := c.of(b.ID, channel)
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	for _, r := range all {
		rate, hungry = r.place.rate, r.place.hungry
	}
	return rate, hungry
}

func (c *Crew) tell() {
	select {
	case c.news <- struct{}{}:
	default: // it is told already
	}
}

// takeTurns gives the turn to one runner after another.
func (c *Crew) takeTurns(ctx context.Context) {
	awake := time.NewTimer(0)
	defer awake.Stop()
	for ctx.Err() == nil {
		turn, span, wait := c.nextTurn(time.Now())
		if turn != nil {
			turn <- span
			<-c.done
			continue
		}
		awake.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-c.news:
		case <-awake.C:
		}
	}
}

// nextTurn is whose turn it is: of those that are due the most urgent, and then the one that
// has waited for longest at its rate. The time that it may claim is shorter where many want
// theirs. Where it is nobody's, it tells how long to wait.
func (c *Crew) nextTurn(now time.Time) (turn chan time.Duration, span, wait time.Duration) {
	wait = time.Second
	if c.outOfTouch() {
		return nil, 0, idlePoll
	}
	all := c.all()
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	var next *runner
	many := 0
	for _, r := range all {
		switch {
		case r.place.turn == nil:
			continue
		case now.Before(c.open[r.lane]) && !r.b.OfMessages():
			wait = min(wait, c.open[r.lane].Sub(now))
			continue
		case now.Before(r.place.due):
			wait = min(wait, r.place.due.Sub(now))
			continue
		}
		many++
		if next == nil || r.goesBefore(next) {
			next = r
		}
	}
	if next == nil {
		return nil, 0, wait
	}
	turn = next.place.turn
	next.place.turn, next.place.woken, next.place.began = nil, false, now
	return turn, max(min(claimTime, round/time.Duration(many)), spanMin), 0
}

// goesBefore tells whether it is a runner's turn before another's: single messages go first.
func (r *runner) goesBefore(other *runner) bool {
	switch a, b := r.place, other.place; {
	case r.b.OfMessages() != other.b.OfMessages():
		return r.b.OfMessages()
	case a.priority != b.priority:
		return a.priority > b.priority
	case !a.paced.Equal(b.paced):
		return a.paced.Before(b.paced)
	default:
		return r.b.ID < other.b.ID
	}
}
