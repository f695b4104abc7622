package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/jobs"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/server"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	followersync "github.com/wxcast/wxcast/sync"
)

// The parts fit each other's small interfaces without knowing it; here it is said.
var (
	_ followersync.Store  = (*store.DB)(nil)
	_ followersync.Source = (*wechat.Client)(nil)
	_ bridge.Store        = (*store.DB)(nil)
	_ broadcast.Store     = (*store.DB)(nil)
	_ broadcast.Sender    = (*wechat.Client)(nil)
	_ report.Store        = (*store.DB)(nil)
	_ report.QuotaReader  = (*wechat.Client)(nil)
	_ wechat.TokenStore   = (*store.DB)(nil)
	_ server.Store        = (*store.DB)(nil)
	_ server.Source       = (*wechat.Client)(nil)
	_ jobs.Store          = (*store.DB)(nil)
	_ api.Store           = (*store.DB)(nil)
	_ api.Account         = (*session)(nil)
)

// session is what most commands work with: one account on an open store.
type session struct {
	cfg       *config.Config
	log       *slog.Logger
	db        *store.DB
	account   config.Account
	accountID int64
	// client is nil where the account has no way to an access token.
	client *wechat.Client
	// startJob runs a job now; nil but in wxcast serve.
	startJob func(name string) bool
	// calls are those made and not yet noted, by API.
	calls callCount
	// metrics are those of wxcast serve; nil elsewhere.
	metrics *metrics
	// recipients of a broadcast that this command has made; 0 otherwise.
	recipients int64
}

func (s *session) Close() {
	s.noteCalls(context.Background())
	if s.client != nil {
		s.client.Close()
	}
	_ = s.db.Close()
}

// loadConfig reads the configuration, with this command line's flags on top.
func (a *app) loadConfig() (*config.Config, error) {
	flags := map[string]string{}
	if a.database != "" {
		flags["database.url"] = a.database
	}
	if a.logLevel != "" {
		flags["log.level"] = a.logLevel
	}
	return config.Load(config.Sources{File: a.configFile, Env: a.Getenv, Flags: flags})
}

func (a *app) logger(cfg *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.Err, options))
	}
	return slog.New(slog.NewTextHandler(a.Err, options))
}

// openStore opens the configured store with this binary's schema in it.
func openStore(ctx context.Context, cfg *config.Config) (*store.DB, error) {
	db, err := store.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.AutoMigrate {
		_, _, err = db.Migrate(ctx)
	} else {
		err = db.CheckSchema(ctx)
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// openSession opens a session for commands that need no more than the store.
func (a *app) openSession(ctx context.Context) (*session, error) {
	return a.open(ctx, func(config.Account) error { return nil })
}

// withSession is a command that begins with openSession.
func (a *app) withSession(run func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		s, err := a.openSession(cmd.Context())
		if err != nil {
			return err
		}
		defer s.Close()
		return run(cmd.Context(), s, args)
	}
}

// openCallingSession opens a session whose account can call WeChat.
func (a *app) openCallingSession(ctx context.Context) (*session, error) {
	return a.open(ctx, config.Account.NeedSecret)
}

func (a *app) open(ctx context.Context, check func(config.Account) error) (*session, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	account, err := cfg.Account(a.account)
	if err != nil {
		return nil, atKey(a.spec, "account", err)
	}
	if err := check(account); err != nil {
		return nil, err
	}
	s, err := newSession(ctx, cfg, account, a.logger(cfg))
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newSession(ctx context.Context, cfg *config.Config, account config.Account, log *slog.Logger) (*session, error) {
	db, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s, err := newSessionOn(ctx, cfg, account, log, db)
	if err != nil {
		_ = db.Close()
	}
	return s, err
}

// newSessionOn is newSession on a store that is open, and not its own.
func newSessionOn(ctx context.Context, cfg *config.Config, account config.Account, log *slog.Logger, db *store.DB) (*session, error) {
	s := &session{cfg: cfg, log: log, db: db, account: account}
	var err error
	if s.accountID, err = db.EnsureApp(ctx, wxcast.AppID(account.AppID), wxcast.KindOfficialAccount); err != nil {
		return nil, err
	}
	if account.CanCall() {
		s.client = newClient(cfg, account, db, s.watching())
	}
	return s, nil
}

// watching is what an account wants to know of its calls.
type watching struct {
	overridden func(ctx context.Context)
	observe    func(api string, took time.Duration, err error)
}

func newClient(cfg *config.Config, account config.Account, tokens wechat.TokenStore, w watching) *wechat.Client {
	return wechat.New(wechat.Options{
		Overridden: w.overridden, Observe: w.observe,
		AppID: wxcast.AppID(account.AppID), Secret: account.Secret, Bases: cfg.APIBases, Timeout: cfg.APITimeout,
		Conns: max(cfg.Broadcast.Concurrency, cfg.Sync.Concurrency), Tokens: tokens,
		TokenFrom: wechat.TokenFrom{Plain: account.AccessToken.API == "token", URL: account.AccessToken.URL, Command: account.AccessToken.Command},
	})
}

// miniProgram finds one of the account's mini programs, and its number in the store.
func (s *session) miniProgram(ctx context.Context, appid string) (config.MiniProgram, int64, error) {
	mini, err := s.account.MiniProgram(appid)
	if err != nil {
		return mini, 0, err
	}
	id, err := s.db.EnsureApp(ctx, wxcast.AppID(mini.AppID), wxcast.KindMiniProgram)
	return mini, id, err
}

// reportAccount describes the account to a report.
func (s *session) reportAccount(ctx context.Context) (report.Account, error) {
	out := report.Account{Name: s.account.Name, ID: s.accountID, QuotaKeep: s.cfg.Broadcast.QuotaKeep}
	for _, m := range s.account.MiniPrograms {
		id, err := s.db.EnsureApp(ctx, wxcast.AppID(m.AppID), wxcast.KindMiniProgram)
		if err != nil {
			return out, fmt.Errorf("mini program %s: %w", m.AppID, err)
		}
		out.Minis = append(out.Minis, report.Mini{AppID: wxcast.AppID(m.AppID), ID: id})
	}
	return out, nil
}
