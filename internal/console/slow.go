package console

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// slowLeast is how old a count is at least before it is made again: however many look at it.
	slowLeast = time.Second
	// slowShare bounds how much of the time counting takes, to one part in so many: what is
	// large is counted less often, and sending goes on as fast.
	slowShare = 20
	// slowWait is how long a page waits for first counts, all of them; then it says that they come.
	slowWait = 120 * time.Millisecond
	// slowKept is how long a count is kept at which nobody looks.
	slowKept = time.Minute
	// slowWithin bounds one counting.
	slowWithin = time.Minute
)

// slow holds what takes long to count, by what it is about: it is counted once for all who look
// at it, and no page waits long for it. It is safe for concurrent use.
type slow[K comparable, T any] struct {
	budget *budget
	mu     sync.Mutex
	of     map[K]*counted[T]
}

type counted[T any] struct {
	last   *T // nil until it was counted once
	at     time.Time
	err    error
	took   time.Duration
	ended  chan struct{} // closed when the counting at work ends; nil for none
	looked time.Time
}

func newSlow[K comparable, T any](b *budget) *slow[K, T] {
	return &slow[K, T]{budget: b, of: map[K]*counted[T]{}}
}

// get is the latest count; nil where the first takes longer than until a time. count is told the
// one before, nil for none.
func (s *slow[K, T]) get(ctx context.Context, key K, until time.Time,
	count func(context.Context, *T) (T, error)) (*T, error) {
	s.mu.Lock()
	now := time.Now()
	s.forget(now)
	c := s.of[key]
	if c == nil {
		c = &counted[T]{}
		s.of[key] = c
	}
	c.looked = now
	if c.ended == nil && (c.at.IsZero() || now.Sub(c.at) > max(slowLeast, slowShare*c.took)) {
		c.ended = make(chan struct{})
		go s.count(context.WithoutCancel(ctx), c, count)
	}
	last, ended := c.last, c.ended
	s.mu.Unlock()
	if last == nil && ended != nil {
		select {
		case <-ended:
		case <-time.After(time.Until(until)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.last != nil {
		return c.last, nil // of a while ago, where it cannot be counted now
	}
	return nil, c.err
}

func (s *slow[K, T]) count(ctx context.Context, c *counted[T], count func(context.Context, *T) (T, error)) {
	defer s.budget.take()()
	ctx, cancel := context.WithTimeout(ctx, slowWithin)
	defer cancel()
	began := time.Now()
	next, err := survived(func() (T, error) { return count(ctx, c.last) })
	s.mu.Lock()
	defer s.mu.Unlock()
	close(c.ended)
	c.ended, c.err, c.at, c.took = nil, err, time.Now(), time.Since(began)
	if err != nil {
		c.took = 0 // it is tried again soon
		return
	}
	c.last = &next
}

// survived is do, of which a panic is an error: it would end the program, and with it sending.
func survived[T any](do func() (T, error)) (out T, err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("it panicked: %v\n%s", why, debug.Stack())
		}
	}()
	return do()
}

// forget forgets what nobody has looked at for a while.
func (s *slow[K, T]) forget(now time.Time) {
	for key, c := range s.of {
		if c.ended == nil && now.Sub(c.looked) > slowKept {
			delete(s.of, key)
		}
	}
}
