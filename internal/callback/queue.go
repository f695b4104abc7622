package callback

import (
	"context"

	"github.com/wxcast/wxcast/internal/together"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// intakeMax events are kept in one transaction.
const intakeMax = 500

// queue keeps events, those that come at about the same time in one transaction.
type queue struct {
	*together.Queue[wxcast.CallbackEvent, struct{}]
	news chan struct{} // some were kept
}

func newQueue(store Store, accountID int64) *queue {
	q := &queue{news: make(chan struct{}, 1)}
	q.Queue = together.New(intakeMax, answerWithin,
		func(ctx context.Context, events []wxcast.CallbackEvent) ([]struct{}, error) {
			_, err := store.AddCallbacks(ctx, accountID, events)
			select {
			case q.news <- struct{}{}:
			default:
			}
			return make([]struct{}, len(events)), err
		})
	return q
}
