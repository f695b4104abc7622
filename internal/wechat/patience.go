package wechat

import (
	"context"
	"time"
)

const (
	readTries = 4
	readWait  = 200 * time.Millisecond // doubled each time
)

// patiently repeats a question that changes nothing at WeChat while its error says
// that later may be better. Calls that do something are repeated by their callers,
// who keep books.
func patiently[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	for try, wait := 1, readWait; ; try, wait = try+1, 2*wait {
		out, err := ask()
		class := ClassOf(err)
		if class != ClassRetryLater && class != ClassRetryNow || try == readTries || ctx.Err() != nil {
			return out, err
		}
		select {
		case <-ctx.Done():
			return out, err
		case <-time.After(wait):
		}
	}
}
