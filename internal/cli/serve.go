package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/jobs"
	"github.com/wxcast/wxcast/internal/server"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	followersync "github.com/wxcast/wxcast/sync"
)

// The names of the jobs that serve runs.
const (
	jobSync         = "sync"
	jobReport       = "report"
	jobQuota        = "quota"
	jobHousekeeping = "housekeeping"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run everything by itself: nightly sync, broadcasts, callbacks, reports",
		Long: `Stay and do what has to be done, for all configured accounts: sync and join every
night, send the broadcasts that were created or wait for quota, hear WeChat's
callbacks at /wechat/ACCOUNT, report in the morning. /healthz, /readyz and /metrics
tell how it is.

Several processes on one Postgres share the work: each job is run by one of them, each
broadcast by all. Ctrl-C stops within 10 seconds and loses nothing.`,
		Example: "  wxcast serve\n  WXCAST_SERVE_LISTEN=:8080 wxcast serve",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context()) },
	}
}

const (
	// sessionKeyMin is the shortest key that RFC 7518 allows for HS256.
	sessionKeyMin = 32
	// stopWithin is how long requests in flight may take when the program is stopped.
	stopWithin = 5 * time.Second
	headerMax  = 16 << 10
)

func (a *app) serve(ctx context.Context) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	sessions, err := a.openAll(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		for _, s := range sessions {
			s.noteCalls(context.WithoutCancel(ctx))
		}
		for _, s := range sessions { // the first one closes the store of all
			s.Close()
		}
	}()
	host, _ := os.Hostname()
	// Containers may share both a host's name and a process's number.
	worker := fmt.Sprintf("%s/%d/%s", host, os.Getpid(), strings.ToLower(rand.Text()[:6]))
	log := sessions[0].log
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	watched := newMetrics(registry, sessions)
	runner := &jobs.Runner{Store: sessions[0].db, Worker: worker, Log: log, Ended: watched.jobEnded}
	var accounts []server.Account
	byID := map[int64]api.Account{}
	var names []string
	for _, s := range sessions {
		names = append(names, s.account.Name)
		accounts = append(accounts, s.serverAccount())
		runner.Add(s.jobs()...)
		s.startJob = func(name string) bool { return runner.Start(s.accountID, name) }
		s.metrics = watched
		byID[s.accountID] = s
	}
	minis, err := miniPrograms(ctx, sessions)
	if err != nil {
		return err
	}
	if key := cfg.Serve.SessionKey.Reveal(); key != "" && len(key) < sessionKeyMin {
		return &config.Error{Key: "serve.session_key", Problem: fmt.Sprintf("has %d characters", len(key)), Want: fmt.Sprintf("make one of %d or more, for example with openssl rand -hex 32", sessionKeyMin)}
	}
	if err := sessions[0].checkListen(ctx); err != nil {
		return err
	}
	address := server.Address(cfg.Serve.ForwardedFor)
	calls := api.New(api.Options{Store: sessions[0].db, Accounts: byID, Address: address, Status: statusOf, Version: version(), Log: log})
	admitMetrics := func(r *http.Request) (int, string) { return calls.Admit(r, wxcast.ScopeRead) }
	if loopback(cfg.Serve.Listen) {
		admitMetrics = nil
	}
	srv := server.New(server.Options{
		MiniPrograms: minis, Sessions: server.Sessions{Key: cfg.Serve.SessionKey, Address: address}, API: calls, AdmitMetrics: admitMetrics,
		Store: sessions[0].db, Accounts: accounts, Stop: server.StopWords{Words: cfg.Serve.StopWords, Reply: cfg.Serve.StopReply}, Worker: worker, Metrics: registry, Log: log,
	})
	listener, err := net.Listen("tcp", cfg.Serve.Listen)
	if err != nil {
		return &config.Error{Key: "serve.listen", Value: cfg.Serve.Listen, Problem: "cannot be listened on: " + err.Error(), Want: "name a free address"}
	}
	httpServer := &http.Server{
		Handler: srv.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: headerMax, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	a.say("wxcast serves %s at http://%s; callbacks go to /wechat/ACCOUNT.", strings.Join(names, ", "), listener.Addr())

	// Events that were promised to WeChat are kept until the last request has ended.
	taking, stopTaking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTaking()
	var work errgroup.Group
	work.Go(func() error { srv.Run(taking); return nil })
	work.Go(func() error {
		runner.Run(ctx)
		return nil
	})
	for _, s := range sessions {
		work.Go(func() error { s.teller(worker).Run(ctx); return nil })
		if s.client != nil {
			work.Go(func() error { s.keepBroadcasts(ctx); return nil })
			work.Go(func() error { s.keepCalls(ctx); return nil })
		}
	}
	work.Go(func() error {
		<-ctx.Done()
		log.Info("stopping")
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		err := httpServer.Shutdown(stopping)
		stopTaking()
		return err
	})
	if err := httpServer.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return work.Wait()
}

// checkListen refuses an address that others can reach while nobody has a key: then it is
// likely that nobody meant them to.
func (s *session) checkListen(ctx context.Context) error {
	if loopback(s.cfg.Serve.Listen) {
		return nil
	}
	keys, err := s.db.GoodAPIKeys(ctx)
	if err != nil || keys > 0 {
		return err
	}
	return &config.Error{Key: "serve.listen", Value: s.cfg.Serve.Listen, Problem: "can be reached from other machines, and there is no key for the API",
		Want: "make one first: wxcast key create NAME --scope read; or listen on 127.0.0.1 and let a proxy pass /wechat/ on"}
}

// loopback tells whether only this machine can reach an address.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// openAll opens a session for each configured account, on one store.
func (a *app) openAll(ctx context.Context, cfg *config.Config) (sessions []*session, err error) {
	if len(cfg.Accounts) == 0 {
		_, err := cfg.Account("") // which tells what is missing
		return nil, err
	}
	db, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, account := range cfg.Accounts {
		s, err := newSessionOn(ctx, cfg, account, a.logger(cfg), db)
		if err != nil {
			_ = db.Close()
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// miniPrograms are those of all accounts whose users can log in: with their secrets.
func miniPrograms(ctx context.Context, sessions []*session) (all []server.MiniProgram, err error) {
	for _, s := range sessions {
		for _, m := range s.account.MiniPrograms {
			if m.Secret == "" {
				continue
			}
			_, id, err := s.miniProgram(ctx, m.AppID)
			if err != nil {
				return nil, err
			}
			all = append(all, server.MiniProgram{ID: id, AppID: wxcast.AppID(m.AppID), AccountID: s.accountID, Source: wechat.New(wechat.Options{
				AppID: wxcast.AppID(m.AppID), Secret: m.Secret, Bases: s.cfg.APIBases, Timeout: s.cfg.APITimeout, Conns: loginConns, Tokens: s.db,
			})})
		}
	}
	return all, nil
}

// loginConns are the connections kept for login codes.
const loginConns = 32

func (s *session) serverAccount() server.Account {
	a := server.Account{ID: s.accountID, Name: s.account.Name, Keys: wechat.CallbackKeys{AppID: wxcast.AppID(s.account.AppID), Token: s.account.Token}}
	if s.account.EncodingAESKey != "" {
		a.Keys.AESKeys = append(a.Keys.AESKeys, s.account.EncodingAESKey)
	}
	if s.client != nil {
		a.Source = s.client
	}
	return a
}

// jobs are the account's. What they did is kept as JSON.
func (s *session) jobs() []jobs.Job {
	var all []jobs.Job
	add := func(name, at string, run func(context.Context) (any, error)) {
		schedule, err := jobs.ParseSchedule(at)
		if err != nil {
			panic(err) // it was checked with the configuration
		}
		all = append(all, jobs.Job{AccountID: s.accountID, Name: name, Schedule: schedule, Run: func(ctx context.Context) (string, error) {
			did, err := s.alerting(name, run)(ctx)
			if err != nil {
				return "", err
			}
			detail, err := json.Marshal(did)
			return string(detail), err
		}})
	}
	if s.client != nil {
		add(jobSync, s.cfg.Serve.SyncAt, s.syncAndJoin)
		add(jobReport, s.cfg.Serve.ReportAt, s.reportYesterday)
		add(jobQuota, s.cfg.Serve.QuotaAt, s.watchQuota)
	}
	add(jobHousekeeping, s.cfg.Serve.HousekeepingAt, func(ctx context.Context) (any, error) {
		removed, err := s.db.KeepHouse(ctx, s.accountID)
		return map[string]int64{"removed": removed}, err
	})
	return all
}

// syncAndJoin is the nightly job.
func (s *session) syncAndJoin(ctx context.Context) (any, error) {
	var did struct {
		Sync followersync.Summary `json:"sync"`
		Join []bridge.JoinSummary `json:"join"`
	}
	var err error
	if did.Sync, err = s.sync(ctx, wxcast.SyncIncremental, false, nil); err != nil {
		return nil, err
	}
	for _, m := range s.account.MiniPrograms {
		_, miniID, err := s.miniProgram(ctx, m.AppID)
		if err != nil {
			return nil, err
		}
		joined, err := bridge.Join(ctx, s.db, s.accountID, miniID)
		if err != nil {
			return nil, err
		}
		did.Join = append(did.Join, joined)
	}
	return did, nil
}

// reportYesterday is the morning job.
func (s *session) reportYesterday(ctx context.Context) (any, error) {
	r, err := s.Report(ctx, wxcast.DayOf(s.db.Now().Add(-24*time.Hour)))
	if err != nil {
		return nil, err
	}
	return r, s.tellReport(ctx, r)
}
