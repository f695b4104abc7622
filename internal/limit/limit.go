// Package limit bounds how often each of many strangers may come.
package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Each bounds how often each of many may come. It is safe for concurrent use.
type Each struct {
	rate  rate.Limit
	burst int

	mu    sync.Mutex
	of    map[string]*one
	swept time.Time
}

type one struct {
	*rate.Limiter
	seen time.Time
}

// sweepEvery is how often those are forgotten who have not come for as long.
const sweepEvery = 10 * time.Minute

// New lets each come so many times a second, and burst times at once.
func New(perSecond float64, burst int) *Each {
	return &Each{rate: rate.Limit(perSecond), burst: burst, of: map[string]*one{}}
}

// Allow tells whether this one may come now.
func (l *Each) Allow(who string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > sweepEvery {
		for key, o := range l.of {
			if now.Sub(o.seen) > sweepEvery {
				delete(l.of, key)
			}
		}
		l.swept = now
	}
	o, ok := l.of[who]
	if !ok {
		o = &one{Limiter: rate.NewLimiter(l.rate, l.burst)}
		l.of[who] = o
	}
	o.seen = now
	return o.AllowN(now, 1)
}
