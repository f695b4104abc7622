package callback

import (
	"crypto/sha256"
	"net/url"
	"sync"
	"time"
)

// replayMax is how many signed times and nonces are remembered at the most, and a half of
// that at least. WeChat makes one for each callback.
const replayMax = 1 << 20

// replays knows which body came with a signed time and nonce. The signature of a callback in
// plain text does not cover its body, and stands in the access logs of every proxy: so it is
// good for one body.
type replays struct {
	mu          sync.Mutex
	since       time.Time
	now, before map[[16]byte][16]byte
}

// first tells whether no other body came with a query's time and nonce. WeChat tells the same
// again where we do not answer.
func (r *replays) first(q url.Values, body []byte, at time.Time) bool {
	key := short([]byte(q.Get("timestamp") + "\x00" + q.Get("nonce")))
	sum := short(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || at.Sub(r.since) > 2*signedWithin || len(r.now) >= replayMax/2 {
		r.before, r.now, r.since = r.now, map[[16]byte][16]byte{}, at
	}
	known, ok := r.now[key]
	if !ok {
		known, ok = r.before[key]
	}
	r.now[key] = sum
	if ok {
		r.now[key] = known
	}
	return !ok || known == sum
}

func short(b []byte) (s [16]byte) {
	sum := sha256.Sum256(b)
	copy(s[:], sum[:])
	return s
}
