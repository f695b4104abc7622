package bench

import (
	"fmt"
	"io"
	"net/http"
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
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != wechat.TemplateSendAPI {
		p.sim.ServeHTTP(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	time.Sleep(time.Duration(p.latency.Load()))
	w.Header().Set("Content-Type", "application/json; encoding=utf-8")
	fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","msgid":%d}`, 4_000_000_000_000_000_000+p.taken.Add(1))
}
