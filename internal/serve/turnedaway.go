package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/metrics"
)

const (
	// guessesMax wrong keys or logins within guessesWithin are no typing error.
	guessesMax    = 100
	guessesWithin = time.Minute
)

// turnedAway notes who was not let in: in the metrics each, in the log now and then, and people
// are told of many.
type turnedAway struct {
	metrics *metrics.Metrics
	first   *account.Account // whose people are told: nobody knows which account is meant
	log     *slog.Logger

	mu    sync.Mutex
	since time.Time
	n     map[string]int // by door and reason, since then
}

// note notes one.
func (t *turnedAway) note(ctx context.Context, door, reason, address string) {
	t.metrics.TurnedAway(door, reason)
	now := time.Now()
	t.mu.Lock()
	if t.n == nil || now.Sub(t.since) > guessesWithin {
		t.since, t.n = now, map[string]int{}
	}
	t.n[door+reason]++
	n := t.n[door+reason]
	t.mu.Unlock()
	if n == 1 || n == guessesMax { // an attacker does not fill the log
		t.log.WarnContext(ctx, "not let in", "door", door, "why", reason, "from", address, "in_a_minute", n)
	}
	if n == guessesMax {
		t.first.TellGuesses(context.WithoutCancel(ctx), door, n)
	}
}
