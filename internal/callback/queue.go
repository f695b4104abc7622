package callback

import (
	"context"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// intakeMax events are kept in one transaction, and intakeQueue may wait for it.
	intakeMax   = 500
	intakeQueue = 4096
)

// queue keeps events, those that come at about the same time in one transaction: a
// store takes hundreds of them as fast as one.
type queue struct {
	store     Store
	accountID int64
	waiting   chan arrival
	news      chan struct{} // some were kept
}

type arrival struct {
	event wxcast.CallbackEvent
	kept  chan error
}

func newQueue(store Store, accountID int64) *queue {
	return &queue{store: store, accountID: accountID, waiting: make(chan arrival, intakeQueue),
		news: make(chan struct{}, 1)}
}

// keep returns when the event is in the store.
func (in *queue) keep(ctx context.Context, e wxcast.CallbackEvent) error {
	a := arrival{e, make(chan error, 1)}
	select {
	case in.waiting <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.kept:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run keeps what comes until ctx ends, and then what is waiting.
func (in *queue) run(ctx context.Context) {
	for {
		select {
		case first := <-in.waiting:
			in.keepAll(in.with(first))
		case <-ctx.Done():
			for {
				select {
				case first := <-in.waiting:
					in.keepAll(in.with(first))
				default:
					return
				}
			}
		}
	}
}

// with takes what else is waiting.
func (in *queue) with(first arrival) []arrival {
	all := []arrival{first}
	for len(all) < intakeMax {
		select {
		case next := <-in.waiting:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

func (in *queue) keepAll(all []arrival) {
	events := make([]wxcast.CallbackEvent, len(all))
	for i, a := range all {
		events[i] = a.event
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin) // nobody waits longer
	defer cancel()
	_, err := in.store.AddEvents(ctx, in.accountID, events)
	for i, a := range all {
		if err != nil && len(all) > 1 && ctx.Err() == nil { // it may be one that the others pay for
			_, one := in.store.AddEvents(ctx, in.accountID, events[i:i+1])
			a.kept <- one
			continue
		}
		a.kept <- err
	}
	select {
	case in.news <- struct{}{}:
	default:
	}
}
