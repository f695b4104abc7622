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
	sim     *simulator.Server
	latency atomic.Int64 // nanoseconds
	taken   atomic.Int64
	first   atomic.Int64 // Unix nanoseconds of the first message
	timed   bool         // keep the time of each message
	mu      sync.Mutex
	at      []time.Time
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != wechat.TemplateSendAPI {
		p.sim.ServeHTTP(w, r)
		return
	}
	n := p.taken.Add(1)
	if n == 1 {
		p.first.Store(time.Now().UnixNano())
	}
	if p.timed {
		p.mu.Lock()
		p.at = append(p.at, time.Now())
		p.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r.Body)
	time.Sleep(time.Duration(p.latency.Load()))
	w.Header().Set("Content-Type", "application/json; encoding=utf-8")
	fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","msgid":%d}`, 4_000_000_000_000_000_000+n)
}

func (p *platform) reset() { p.taken.Store(0); p.first.Store(0) }

func (p *platform) arrivals() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.at)
}
