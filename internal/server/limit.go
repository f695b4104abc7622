package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bound how often each of many strangers may come.
type limits struct {
	rate  rate.Limit
	burst int

	mu    sync.Mutex
	of    map[string]*limit
	swept time.Time
}

type limit struct {
	*rate.Limiter
	seen time.Time
}

// sweepEvery is how often those are forgotten who have not come for as long.
const sweepEvery = 10 * time.Minute

func newLimits(perSecond float64, burst int) *limits {
	return &limits{rate: rate.Limit(perSecond), burst: burst, of: map[string]*limit{}}
}

// allow tells whether this one may come now.
func (l *limits) allow(who string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > sweepEvery {
		for key, one := range l.of {
			if now.Sub(one.seen) > sweepEvery {
				delete(l.of, key)
			}
		}
		l.swept = now
	}
	one, ok := l.of[who]
	if !ok {
		one = &limit{Limiter: rate.NewLimiter(l.rate, l.burst)}
		l.of[who] = one
	}
	one.seen = now
	return one.AllowN(now, 1)
}
