package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// broadcastPoll is how often a process looks for broadcasts to work on.
	broadcastPoll = time.Second
	// alertPolls is after how many looks the alerts are gone through that others may
	// have made an end of: a person who resumed a broadcast in a terminal.
	alertPolls = 10
	// broadcastRest is how long it leaves one alone that it could not go on with.
	broadcastRest = 30 * time.Second
)

// keepBroadcasts works on all of the account's broadcasts that are running, or whose time
// has come, until ctx ends. Other processes work on them, too.
func (s *session) keepBroadcasts(ctx context.Context) {
	var mu sync.Mutex
	atWork := map[int64]bool{}
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(broadcastPoll)
	defer tick.Stop()
	for n := 0; ; n++ {
		if n%alertPolls == 0 {
			s.note(ctx, s.db.EndBroadcastAlerts(ctx, s.accountID))
		}
		due, err := s.db.BroadcastsDue(ctx, s.accountID)
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "broadcasts not looked up", "account", s.account.Name, "err", err)
		}
		for _, b := range due {
			mu.Lock()
			taken := atWork[b.ID]
			atWork[b.ID] = true
			mu.Unlock()
			if taken {
				continue
			}
			all.Go(func() {
				rest := s.work(ctx, b)
				select {
				case <-ctx.Done():
				case <-time.After(rest):
				}
				mu.Lock()
				defer mu.Unlock()
				delete(atWork, b.ID)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// work sends a broadcast until it ends or stops, and returns how long to leave it alone.
func (s *session) work(ctx context.Context, b wxcast.Broadcast) (rest time.Duration) {
	spec, err := storedSpec(ctx, s, b)
	if err == nil {
		var message *broadcast.Message
		if message, err = broadcast.NewMessage(spec.Spec, spec.mini, b.MessageKey); err == nil {
			o := s.sendOptions(spec.Spec)
			o.Rate = 0 // as it is
			o.TakenOver = func(leases int) { s.metrics.takeovers.WithLabelValues(s.account.Name).Add(float64(leases)) }
			s.log.InfoContext(ctx, "broadcast at work", "broadcast_id", b.ID, "name", b.Name)
			s.recovered(ctx, fmt.Sprintf("broadcast:%d", b.ID))
			b, err = broadcast.Run(ctx, s.db, s.client, b, message, o)
		}
	}
	if ctx.Err() != nil && !errors.Is(err, broadcast.ErrNotRecorded) {
		return 0
	}
	if err != nil {
		s.log.ErrorContext(ctx, "broadcast stopped; it will be tried again", "broadcast_id", b.ID, "name", b.Name, "err", err)
		return broadcastRest
	}
	s.log.InfoContext(ctx, "broadcast is "+string(b.State), "broadcast_id", b.ID, "name", b.Name, "reason", b.Reason)
	s.tellState(ctx, b)
	return 0
}
