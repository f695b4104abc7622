// Package account is what one can do with an account: each use case is one method, the same
// for every door (command line, API, console). What changes something, or hands out what is
// not everybody's, is written to the audit log by the method itself: see audit.go.
//
// Errors that a person can do something about are *wxcast.BadInput, *NotFound, *Conflict, or
// another wxcast.Said; they name no flag and no field of one door.
package account

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/notice"
	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/jobs"
	"github.com/wxcast/wxcast/internal/metrics"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/seal"
	"github.com/wxcast/wxcast/internal/siem"
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
	_ broadcast.Platform  = (*wechat.Client)(nil)
	_ template.Sender     = (*wechat.Client)(nil)
	_ subscribe.Sender    = (*wechat.Client)(nil)
	_ service.Sender      = (*wechat.Client)(nil)
	_ notice.Sender       = (*wechat.Client)(nil)
	_ report.Store        = (*store.DB)(nil)
	_ report.QuotaReader  = (*wechat.Client)(nil)
	_ wechat.TokenStore   = (*store.DB)(nil)
	_ jobs.Store          = (*store.DB)(nil)
	_ access.Store        = (*store.DB)(nil)
)

// Account is one official account on an open store.
type Account struct {
	ID     int64 // as the store numbers it
	Config config.Account

	cfg  *config.Config
	log  *slog.Logger
	db   *store.DB
	keys *access.Keys
	// client is nil where the account has no way to an access token.
	client *wechat.Client
	calls  callCount
	// metrics are those of wxcast serve; nil elsewhere.
	metrics *metrics.Metrics
	// startJob runs a job now; nil but in wxcast serve.
	startJob func(name string) bool
	// siem keeps the audit log, too; nil for nobody.
	siem *siem.Sink

	mu          sync.Mutex
	miniClients map[string]*wechat.Client // by appid
	pictures    map[int64]*picture        // of cards, by broadcast
	messages    *messages
	lists       templateLists
	lastEvent   lastEvent
}

// OpenStore opens the configured store with this binary's schema in it.
func OpenStore(ctx context.Context, cfg *config.Config) (*store.DB, error) {
	db, err := OpenUnchecked(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.AutoMigrate {
		_, _, err = db.Migrate(ctx)
	} else {
		err = db.CheckSchema(ctx)
	}
	if err == nil {
		err = db.CheckMoved(ctx)
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// OpenUnchecked opens the configured store whatever schema is in it.
func OpenUnchecked(ctx context.Context, cfg *config.Config) (*store.DB, error) {
	var keys seal.Keys
	if cfg.StoreKeyFile != "" {
		var err error
		if keys, err = seal.Load(cfg.StoreKeyFile); err != nil {
			return nil, &config.Error{Key: "store.key_file", Problem: said(err), Want: wxcast.Say("seal.want_keys")}
		}
	}
	db, err := store.OpenThrough(ctx, cfg.DatabaseURL, cfg.Machine.Store)
	if err == nil {
		db.SealWith(keys)
	}
	return db, err
}

// Open opens the configured store and one account on it. CloseAll closes both.
func Open(ctx context.Context, cfg *config.Config, of config.Account, log *slog.Logger) (*Account, error) {
	db, err := OpenStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	a, err := On(ctx, db, cfg, of, log)
	if err != nil {
		_ = db.Close()
	}
	return a, err
}

// On opens an account on a store that is open, and that others may use, too.
func On(ctx context.Context, db *store.DB, cfg *config.Config, of config.Account, log *slog.Logger) (*Account, error) {
	a := &Account{Config: of, cfg: cfg, log: log, db: db, keys: &access.Keys{Store: db},
		miniClients: map[string]*wechat.Client{}, pictures: map[int64]*picture{},
		lists: templateLists{turn: semaphore.NewWeighted(1)}, lastEvent: lastEvent{turn: semaphore.NewWeighted(1)}}
	a.messages = newMessages(a)
	var err error
	if a.ID, err = db.EnsureApp(ctx, wxcast.AppID(of.AppID), wxcast.KindOfficialAccount); err != nil {
		return nil, err
	}
	if a.siem, err = siem.Open(cfg.Audit.File, cfg.Audit.Syslog, log); err != nil {
		return nil, err
	}
	db.TrustReceipts(a.ID, of.OnlySender)
	if of.CanCall() {
		a.client = NewClient(cfg, of, db, Hooks{Overridden: a.tokenOverridden, Observe: a.called})
	}
	return a, nil
}

// Close ends the account's connections to WeChat. The store stays open.
func (a *Account) Close() {
	a.noteCalls(context.Background())
	a.siem.Close()
	if a.client != nil {
		a.client.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.miniClients {
		c.Close()
	}
}

// CloseAll closes the account, and the store that Open opened for it.
func (a *Account) CloseAll() {
	a.Close()
	_ = a.db.Close()
}

// Hooks are told of a client's calls; see wechat.Options.
type Hooks struct {
	Overridden func(ctx context.Context)
	Observe    func(api string, took time.Duration, err error)
}

// NewClient makes a client of WeChat for an app's credentials.
func NewClient(cfg *config.Config, of config.Account, tokens wechat.TokenStore, h Hooks) *wechat.Client {
	return wechat.New(wechat.Options{
		Overridden: h.Overridden, Observe: h.Observe, Dial: cfg.Machine.Dial,
		AppID: wxcast.AppID(of.AppID), Secret: of.Secret, Bases: cfg.APIBases, Timeout: cfg.APITimeout,
		Conns: max(cfg.Broadcast.Concurrency, cfg.Sync.Concurrency), Tokens: tokens,
		TokenFrom: wechat.TokenFrom{
			Plain: of.AccessToken.API == "token", URL: of.AccessToken.URL, Command: of.AccessToken.Command,
		},
	})
}

// Name is the account's, as configured.
func (a *Account) Name() string { return a.Config.Name }

// Now is the time by the store's clock, UTC.
func (a *Account) Now() time.Time { return a.db.Now() }

// CanCall tells whether the account can call WeChat.
func (a *Account) CanCall() bool { return a.client != nil }

// needCalls refuses what needs WeChat where the account cannot call it.
func (a *Account) needCalls() error {
	if a.client == nil {
		return conflict("account.cannot_call", "account", a.Name())
	}
	return nil
}

// MiniProgram finds one of the account's mini programs, and its number in the store.
func (a *Account) MiniProgram(ctx context.Context, appid string) (config.MiniProgram, int64, error) {
	mini, err := a.Config.MiniProgram(appid)
	if err != nil {
		return mini, 0, err
	}
	id, err := a.db.EnsureApp(ctx, wxcast.AppID(mini.AppID), wxcast.KindMiniProgram)
	return mini, id, err
}

// minis are the account's mini programs as the store numbers them.
func (a *Account) minis(ctx context.Context) ([]report.Mini, error) {
	var all []report.Mini
	for _, m := range a.Config.MiniPrograms {
		id, err := a.db.EnsureApp(ctx, wxcast.AppID(m.AppID), wxcast.KindMiniProgram)
		if err != nil {
			return nil, fmt.Errorf("mini program %s: %w", m.AppID, err)
		}
		all = append(all, report.Mini{AppID: wxcast.AppID(m.AppID), ID: id})
	}
	return all, nil
}

// Description is which account it is.
type Description struct {
	Account      string         `json:"account"`
	AppID        wxcast.AppID   `json:"appid"`
	MiniPrograms []wxcast.AppID `json:"mini_programs"`
}

// Describe tells which account it is.
func (a *Account) Describe() Description {
	d := Description{Account: a.Name(), AppID: wxcast.AppID(a.Config.AppID), MiniPrograms: []wxcast.AppID{}}
	for _, m := range a.Config.MiniPrograms {
		d.MiniPrograms = append(d.MiniPrograms, wxcast.AppID(m.AppID))
	}
	return d
}

// AccessToken is the account's, as WeChat's own answer has it.
type AccessToken struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"` // seconds
}

// AccessToken hands out the account's access token: another one where refused is the
// current one, which WeChat refused; "" for none that was refused. Audited.
func (a *Account) AccessToken(ctx context.Context, refused string) (AccessToken, error) {
	action := "get-access-token"
	if refused != "" {
		action = "replace-access-token"
	}
	return audited(ctx, a, action, "", func(*entry) (AccessToken, error) {
		if err := a.needCalls(); err != nil {
			return AccessToken{}, err
		}
		t, err := a.client.AccessToken(ctx, refused)
		return AccessToken{AccessToken: t.Reveal(), ExpiresIn: int(time.Until(t.ExpiresAt).Seconds())}, err
	})
}
