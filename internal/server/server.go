// Package server is wxcast's HTTP side: WeChat's callbacks, logins, the API, health and
// metrics.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/limit"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Account is one official account as the server serves it.
type Account struct {
	ID   int64
	Name string // as configured: the callback URL is /wechat/NAME
	Keys wechat.CallbackKeys
	// Source is asked about new followers; nil where the account cannot call WeChat.
	Source Source
}

// Source tells who followers are.
type Source interface {
	BatchGetUsers(ctx context.Context, openids []wxcast.OpenID) ([]wxcast.Follower, wechat.DetailCalls, error)
}

// Store keeps what callbacks tell, and what follows from it.
type Store interface {
	Now() time.Time
	Ping(ctx context.Context) error
	AddEvents(ctx context.Context, accountID int64, events []wxcast.CallbackEvent) (added int64, err error)
	PendingEvents(ctx context.Context, accountID int64, limit int) ([]wxcast.CallbackEvent, error)
	EventsApplied(ctx context.Context, ids []int64) error
	Follow(ctx context.Context, accountID int64, followers []wxcast.Follower) error
	Unfollow(ctx context.Context, accountID int64, openids []wxcast.OpenID) (int64, error)
	RecordReceipts(ctx context.Context, accountID int64, receipts []wxcast.Receipt) error
	AddOptOuts(ctx context.Context, accountID int64, ids []string, source string) (added int64, unknown []string, err error)
	TryLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, wxcast.LockHolder, error)
	Unlock(ctx context.Context, name, holder string) error
	Login(ctx context.Context, accountID, miniID int64, user wxcast.MiniUser) (bridged bool, err error)
	RaiseNotice(ctx context.Context, accountID int64, n wxcast.Notice) error
	EndAlert(ctx context.Context, accountID int64, key string) error
}

// Options are what a server needs.
type Options struct {
	Store    Store
	Accounts []Account
	Stop     StopWords
	// MiniPrograms are those whose users may log in, where Sessions has a key.
	MiniPrograms []MiniProgram
	Sessions     Sessions
	// API serves what stands under api.Prefix; nil for none.
	API http.Handler
	// AdmitMetrics refuses who may not see the metrics, with a status other than 0; nil
	// shows them to everyone who can reach them.
	AdmitMetrics func(r *http.Request) (status int, why string)
	Worker       string // unique to this process
	Metrics      *prometheus.Registry
	Log          *slog.Logger
}

// Server serves HTTP and applies what callbacks told.
type Server struct {
	Options
	intakes  map[string]*intake // by the account's name
	accounts map[string]Account
	forged   map[string]*forged
	metrics  *metrics

	loginsOfIP, loginsOfUser *limit.Each
}

// New makes a server. It does nothing before Run.
func New(o Options) *Server {
	s := &Server{Options: o, intakes: map[string]*intake{}, accounts: map[string]Account{}, forged: map[string]*forged{}, metrics: newMetrics(o.Metrics),
		loginsOfIP: limit.New(loginsOfIP, loginBurstOfIP), loginsOfUser: limit.New(loginsOfUser, loginBurstOfUser)}
	for _, a := range o.Accounts {
		s.accounts[a.Name] = a
		s.forged[a.Name] = &forged{}
		s.intakes[a.Name] = newIntake(o.Store, a.ID)
	}
	return s
}

// Run keeps and applies events until ctx ends.
func (s *Server) Run(ctx context.Context) {
	var all sync.WaitGroup
	for name, in := range s.intakes {
		all.Go(func() { in.run(ctx) })
		all.Go(func() { s.apply(ctx, s.accounts[name], in.news) })
	}
	all.Wait()
}

// Handler is the server's HTTP side.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /wechat/{account}", s.verifyCallback)
	mux.HandleFunc("POST /wechat/{account}", s.takeCallback)
	if s.Sessions.Key != nil && s.Sessions.Key.Reveal() != "" {
		mux.HandleFunc("POST /login", s.login)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.admitted(promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{})))
	if s.API != nil {
		mux.Handle(api.Prefix+"/", s.API)
	}
	return secure(mux)
}

// admitted shows the metrics to those who may see them.
func (s *Server) admitted(metrics http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.AdmitMetrics != nil {
			if status, why := s.AdmitMetrics(r); status != 0 {
				writeText(w, status, why)
				return
			}
		}
		metrics.ServeHTTP(w, r)
	})
}

// readyTimeout is how long the store may take to answer a process that is ready.
const readyTimeout = 2 * time.Second

// ready tells whether the store answers: a load balancer leaves a process out that is not.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.Store.Ping(ctx); err != nil {
		s.Log.WarnContext(r.Context(), "not ready", "err", err)
		writeText(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	writeText(w, http.StatusOK, "ready")
}

// secure sets the headers that every answer has.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may be gone
}
