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
	of    map[string]*rate.Limiter
	rest  *rate.Limiter // of all who find no place any more
	swept time.Time
}

const (
	// sweepEvery is how often those are forgotten who have not come for long: nothing is lost
	// with a limiter that is full again.
	sweepEvery = time.Minute
	// most is how many are known at a time. An attacker has more addresses than we have memory:
	// those beyond share one limit.
	most = 10_000
	// restShare is how many such strangers the shared limit is for.
	restShare = 20
)

// New lets each come so many times a second, and burst times at once.
func New(perSecond float64, burst int) *Each {
	return &Each{rate: rate.Limit(perSecond), burst: burst, of: map[string]*rate.Limiter{},
		rest: rate.NewLimiter(rate.Limit(perSecond*restShare), burst*restShare)}
}

// Allow tells whether this one may come now.
func (l *Each) Allow(who string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, ok := l.of[who]
	if ok {
		return o.AllowN(now, 1)
	}
	if len(l.of) >= most && now.Sub(l.swept) > time.Second || now.Sub(l.swept) > sweepEvery {
		l.sweep(now)
	}
	if len(l.of) >= most {
		return l.rest.AllowN(now, 1)
	}
	o = rate.NewLimiter(l.rate, l.burst)
	l.of[who] = o
	return o.AllowN(now, 1)
}

func (l *Each) sweep(now time.Time) {
	for key, o := range l.of {
		if o.TokensAt(now) >= float64(l.burst) {
			delete(l.of, key)
		}
	}
	l.swept = now
}

// Known is how many are remembered.
func (l *Each) Known() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.of)
}
