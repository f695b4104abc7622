// Package together does what comes at about the same time in one go: a store takes hundreds of
// rows in a transaction as fast as one.
package together

import (
	"context"
	"time"
)

// waiting is how many may wait.
const waiting = 4096

// Queue does things that come one by one together.
type Queue[T, R any] struct {
	do     func(ctx context.Context, all []T) ([]R, error)
	most   int
	within time.Duration
	every  time.Duration
	in     chan item[T, R]
}

type item[T, R any] struct {
	what T
	done chan result[R]
}

type result[R any] struct {
	r   R
	err error
}

// New makes a queue, which does nothing before Run: at most so many are done together, within
// so long. do does all of them, and returns as many results, in their order.
func New[T, R any](most int, within time.Duration, do func(context.Context, []T) ([]R, error)) *Queue[T, R] {
	return &Queue[T, R]{do: do, most: most, within: within, in: make(chan item[T, R], waiting)}
}

// Every makes the queue wait until so long after it last began: what comes meanwhile is done
// together, which spares the store more than it costs those who wait.
func (q *Queue[T, R]) Every(d time.Duration) *Queue[T, R] {
	q.every = d
	return q
}

// Put returns when it is done.
func (q *Queue[T, R]) Put(ctx context.Context, what T) (R, error) {
	var none R
	i := item[T, R]{what, make(chan result[R], 1)}
	select {
	case q.in <- i:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	select {
	case done := <-i.done:
		return done.r, done.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Run does what comes until ctx ends, and then what is waiting.
func (q *Queue[T, R]) Run(ctx context.Context) {
	for begun := (time.Time{}); ; {
		select {
		case first := <-q.in:
			if wait := q.every - time.Since(begun); wait > 0 {
				time.Sleep(wait)
			}
			begun = time.Now()
			q.doAll(q.with(first))
		case <-ctx.Done():
			for {
				select {
				case first := <-q.in:
					q.doAll(q.with(first))
				default:
					return
				}
			}
		}
	}
}

// with takes what else is waiting.
func (q *Queue[T, R]) with(first item[T, R]) []item[T, R] {
	all := []item[T, R]{first}
	for len(all) < q.most {
		select {
		case next := <-q.in:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

func (q *Queue[T, R]) doAll(all []item[T, R]) {
	whats := make([]T, len(all))
	for i, one := range all {
		whats[i] = one.what
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.within)
	defer cancel()
	results, err := q.do(ctx, whats)
	for i, one := range all {
		var r R
		its := err
		switch {
		case err == nil:
			r = results[i]
		case len(all) > 1 && ctx.Err() == nil: // it may be one that the others pay for
			var alone []R
			if alone, its = q.do(ctx, whats[i:i+1]); its == nil {
				r = alone[0]
			}
		}
		one.done <- result[R]{r, its}
	}
}
