package bench

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// platform takes messages with a bare handler, so that the simulator's own work does not
// count, and leaves the other calls to the simulator.
type platform struct {
	sim     atomic.Pointer[simulator.Server]
	latency atomic.Int64 // nanoseconds, of each answer
	taken   atomic.Int64 // messages
	first   atomic.Int64 // Unix nanoseconds of the first message
	ledger  atomic.Bool  // leave messages to the simulator, too, which knows who has one
	timed   atomic.Bool  // keep the time of each message
	mu      sync.Mutex
	at      []time.Time
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var n int64
	send := r.URL.Path == wechat.TemplateSendAPI || r.URL.Path == wechat.SubscribeSendAPI
	if send {
		n = p.note()
	}
	if !send || p.ledger.Load() {
		time.Sleep(time.Duration(p.latency.Load()))
		p.sim.Load().ServeHTTP(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	time.Sleep(time.Duration(p.latency.Load()))
	w.Header().Set("Content-Type", "application/json; encoding=utf-8")
	fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","msgid":%d}`, 4_000_000_000_000_000_000+n)
}

// note counts a message.
func (p *platform) note() int64 {
	n := p.taken.Add(1)
	if n == 1 {
		p.first.Store(time.Now().UnixNano())
	}
	if p.timed.Load() {
		p.mu.Lock()
		p.at = append(p.at, time.Now())
		p.mu.Unlock()
	}
	return n
}

// reset forgets the messages so far.
func (p *platform) reset() {
	p.taken.Store(0)
	p.first.Store(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = nil
}

// slow makes each answer wait.
func (p *platform) slow(latency time.Duration) { p.latency.Store(int64(latency)) }

func (p *platform) arrivals() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.at)
}
