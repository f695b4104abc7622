package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// handler is all that is served over HTTP.
func (p *Program) handler() http.Handler {
	mux := http.NewServeMux()
	p.intake.Routes(mux)
	if p.login != nil {
		p.login.Routes(mux)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", p.ready)
	mux.Handle("GET /metrics", p.admitted(promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{})))
	mux.Handle(api.Prefix+"/", p.api)
	mux.Handle("/", p.console)
	return secure(mux, p.certificate != nil)
}

// admitted shows the metrics to those who may see them: where others than this machine can
// reach us, to those with a key.
func (p *Program) admitted(metrics http.Handler) http.Handler {
	if loopback(p.cfg.Serve.Listen) {
		return metrics
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, why := p.api.Admit(r, wxcast.ScopeRead); status != 0 {
			writeText(w, status, why)
			return
		}
		metrics.ServeHTTP(w, r)
	})
}

// readyTimeout is how long the store may take to answer a process that is ready.
const readyTimeout = 2 * time.Second

// ready tells whether the store answers: a load balancer leaves a process out that is not.
func (p *Program) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := p.db.Ping(ctx); err != nil {
		p.log.WarnContext(r.Context(), "not ready", "err", err)
		writeText(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	writeText(w, http.StatusOK, "ready")
}

// secure sets the headers that every answer has.
func secure(next http.Handler, encrypted bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if encrypted {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may be gone
}
