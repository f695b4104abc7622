package followersync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
)

const (
	retryMax = 8
	// retryTokenMax refusals of the token are fewer: a call with a refused one has already been
	// repeated with a new one, and if that goes on the account's configuration is wrong.
	retryTokenMax = 3
	retryFirst    = 500 * time.Millisecond
	retryLast     = 15 * time.Second
)

// retry makes a call at the run's rate, again with back-off and jitter while its
// error says that later may be better. Once ctx ends no further try begins; a call
// under way has a context of its own.
func retry[T any](ctx context.Context, s *syncer, call func() (T, error)) (T, error) {
	wait, refusals := retryFirst, 0
	for attempt := 1; ; attempt++ {
		if err := s.limiter.Wait(ctx); err != nil {
			var zero T
			if _, has := ctx.Deadline(); has && ctx.Err() == nil { // it is too near to wait for the turn
				err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
			}
			return zero, err
		}
		out, err := call()
		if wechat.Unreadable(err) { // and will be again: it is for the caller to ask for less
			return out, err
		}
		switch wechat.ClassOf(err) {
		case wechat.ClassRetryNow, wechat.ClassRetryLater:
		case wechat.ClassToken:
			refusals++
		default:
			return out, err
		}
		if attempt >= retryMax || refusals >= retryTokenMax || ctx.Err() != nil {
			return out, err
		}
		s.Log.WarnContext(ctx, "call failed, trying again", "err", err, "attempt", attempt, "wait", wait)
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
		wait = min(2*wait, retryLast)
	}
}
