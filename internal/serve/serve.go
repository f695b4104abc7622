// Package serve is wxcast serve: the program that stays and does everything by itself. It
// wires the doors, the jobs and the workers of all configured accounts on one store.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/callback"
	"github.com/wxcast/wxcast/internal/console"
	"github.com/wxcast/wxcast/internal/jobs"
	"github.com/wxcast/wxcast/internal/login"
	"github.com/wxcast/wxcast/internal/metrics"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/webhook"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

const (
	// stopWithin is how long requests in flight may take when the program is stopped.
	stopWithin = 5 * time.Second
	headerMax  = 16 << 10
	// loginConns are the connections kept for login codes.
	loginConns = 32
)

// Options are what a program needs.
type Options struct {
	Config  *config.Config
	Version string
	Lang    text.Lang // in which people are told of alerts and reports
	Log     *slog.Logger
}

// Program is wxcast serve: Open, then Run, then Close.
type Program struct {
	cfg         *config.Config
	log         *slog.Logger
	lang        text.Lang
	worker      string // unique to this process
	db          *store.DB
	accounts    []*account.Account
	registry    *prometheus.Registry
	jobs        *jobs.Runner
	intake      *callback.Intake
	login       *login.Door // nil where nobody can log in
	api         *api.API
	console     *console.Console
	turnedAway  *turnedAway
	listener    net.Listener
	certificate *certificate // nil where it speaks plain HTTP
}

// Open makes the program: it opens the store and listens, and does nothing else before Run.
// Mistakes in the configuration are *config.Error.
func Open(ctx context.Context, o Options) (*Program, error) {
	p := &Program{cfg: o.Config, log: o.Log, lang: o.Lang, worker: wxcast.NewWorkerName(),
		registry: prometheus.NewRegistry()}
	if err := p.open(ctx, o); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Program) open(ctx context.Context, o Options) (err error) {
	if len(p.cfg.Accounts) == 0 {
		_, err := p.cfg.Account("") // which tells what is missing
		return err
	}
	if p.db, err = account.OpenStore(ctx, p.cfg); err != nil {
		return err
	}
	for _, of := range p.cfg.Accounts {
		a, err := account.On(ctx, p.db, p.cfg, of, p.log)
		if err != nil {
			return err
		}
		p.accounts = append(p.accounts, a)
	}
	if err := errors.Join(p.checkListen(ctx), p.checkSessionKey(), p.openCertificate()); err != nil {
		return err
	}
	if err := p.wire(ctx, o); err != nil {
		return err
	}
	if err := p.openLogin(ctx); err != nil {
		return err
	}
	listen := p.cfg.Machine.Listen
	if listen == nil {
		listen = (&net.ListenConfig{}).Listen
	}
	if p.listener, err = listen(ctx, "tcp", p.cfg.Serve.Listen); err != nil {
		return &config.Error{Key: "serve.listen", Value: p.cfg.Serve.Listen,
			Problem: wxcast.Say("config.no_listen", "why", err), Want: wxcast.Say("config.want_free")}
	}
	return nil
}

// wire puts the parts together.
func (p *Program) wire(ctx context.Context, o Options) error {
	p.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var named []metrics.Account
	for _, a := range p.accounts {
		named = append(named, metrics.Account{ID: a.ID, Name: a.Name(), Systems: systemsOf(a)})
	}
	watched := metrics.New(p.registry, p.db, named)
	p.jobs = &jobs.Runner{Store: p.db, Worker: p.worker, Log: p.log,
		Ended: func(job jobs.Job, outcome wxcast.JobOutcome) {
			watched.JobEnded(job.AccountID, job.Name, outcome)
		}}
	heard := make([]callback.Account, len(p.accounts))
	for i, a := range p.accounts {
		p.jobs.Add(a.Schedule()...)
		a.Serve(account.Serving{Metrics: watched, StartJob: func(name string) bool { return p.jobs.Start(a.ID, name) }})
		var err error
		if heard[i], err = p.heardOf(ctx, a); err != nil {
			return err
		}
		if !heard[i].Heard() {
			p.log.Warn("callbacks of the account are not taken: "+
				"it has no Token, without which anybody could be WeChat; set it",
				"account", a.Name(), "key", "accounts."+a.Name()+".token (WXCAST_TOKEN)")
		}
	}
	stop := callback.StopWords{Words: p.cfg.Serve.StopWords, Reply: p.cfg.Serve.StopReply}
	p.intake = callback.New(callback.Options{Store: p.db, Accounts: heard, Stop: stop, Worker: p.worker,
		Metrics: watched, Log: p.log})
	p.turnedAway = &turnedAway{metrics: watched, first: p.accounts[0], log: p.log}
	p.api = api.New(api.Options{Keys: p.db, Accounts: p.accounts, Address: Address(p.cfg.Serve.ForwardedFor),
		Version: o.Version, Log: p.log, Refused: func(ctx context.Context, why access.Refusal, address string) {
			p.turnedAway.note(ctx, "api", why.String(), address)
		}})
	p.console = console.New(console.Options{House: account.NewHouse(p.cfg, p.db, p.accounts, p.log),
		URL: p.cfg.Console.URL, Address: Address(p.cfg.Serve.ForwardedFor), Log: p.log,
		Refused: func(r *http.Request, why, address string) {
			p.turnedAway.note(r.Context(), "console", why, address)
		}})
	return nil
}

// systemsOf tells how the company's systems take what an account tells them.
func systemsOf(a *account.Account) func(context.Context) ([]metrics.System, error) {
	return func(ctx context.Context) ([]metrics.System, error) {
		all, err := a.Webhooks(ctx)
		systems := make([]metrics.System, len(all))
		for i, w := range all {
			systems[i] = metrics.System{Name: w.Name, Behind: w.Behind}
			if w.FailingSince != nil {
				systems[i].FailingSince = *w.FailingSince
			}
		}
		return systems, err
	}
}

// heardOf is an account as WeChat's callbacks know it.
func (p *Program) heardOf(ctx context.Context, a *account.Account) (callback.Account, error) {
	c := callback.Account{ID: a.ID, Name: a.Name(), Channels: account.Channels,
		Keys:    p.callbackKeys(a.Config.AppID, a.Config.Token, a.Config.EncodingAESKey, a.Config.OldEncodingAESKey),
		Passing: passing("", a.Config.Relay)}
	if client := a.Client(); client != nil {
		c.Source = client
	}
	for _, m := range a.Config.MiniPrograms {
		_, id, err := a.MiniProgram(ctx, m.AppID)
		if err != nil {
			return c, err
		}
		c.Minis = append(c.Minis, callback.MiniProgram{ID: id, AppID: m.AppID,
			Keys:    p.callbackKeys(m.AppID, m.Token, m.EncodingAESKey, m.OldEncodingAESKey),
			Passing: passing(m.AppID, m.Relay)})
	}
	return c, nil
}

// passing is who gets an app's callbacks besides wxcast.
func passing(miniAppID string, r config.Relay) callback.Passing {
	p := callback.Passing{CustomerService: r.CustomerService}
	if r.Primary != "" {
		p.Primary = &callback.Primary{Name: account.RelayName(miniAppID, account.PrimaryName), URL: r.Primary.Reveal(),
			Client: webhook.NewRelayClient()}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Others)) {
		p.Others = append(p.Others, account.RelayName(miniAppID, name))
	}
	return p
}

// callbackKeys are what an app's callbacks are checked with.
func (p *Program) callbackKeys(appid string, token config.Secret, keys ...config.Secret) wechat.CallbackKeys {
	k := wechat.CallbackKeys{AppID: wxcast.AppID(appid), Token: token,
		Compatible: p.cfg.Serve.CallbackMode == "compatible"}
	for _, key := range keys {
		if key != "" {
			k.AESKeys = append(k.AESKeys, key)
		}
	}
	return k
}

// openLogin makes the door of mini users, where there is a key for their sessions.
func (p *Program) openLogin(ctx context.Context) error {
	if p.cfg.Serve.SessionKey == "" {
		return nil
	}
	o := login.Options{Store: p.db, Key: p.cfg.Serve.SessionKey, OldKey: p.cfg.Serve.SessionKeyOld,
		Address: Address(p.cfg.Serve.ForwardedFor), Log: p.log,
		Refused: func(ctx context.Context, why, address string) { p.turnedAway.note(ctx, "login", why, address) }}
	for _, a := range p.accounts {
		for _, m := range a.Config.MiniPrograms {
			if m.Secret == "" {
				continue
			}
			_, id, err := a.MiniProgram(ctx, m.AppID)
			if err != nil {
				return err
			}
			o.MiniPrograms = append(o.MiniPrograms,
				login.MiniProgram{ID: id, AppID: wxcast.AppID(m.AppID), AccountID: a.ID,
					Source: wechat.New(wechat.Options{
						AppID: wxcast.AppID(m.AppID), Secret: m.Secret, Bases: p.cfg.APIBases,
						Timeout: p.cfg.APITimeout,
						Conns:   loginConns, Tokens: p.db, Dial: p.cfg.Machine.Dial,
					})})
		}
	}
	p.login = login.New(o)
	return nil
}

// openCertificate reads the program's own certificate, where one is configured.
func (p *Program) openCertificate() error {
	files := p.cfg.Serve.TLS
	if files.CertFile == "" && files.KeyFile == "" {
		return nil
	}
	c := &certificate{certFile: files.CertFile, keyFile: files.KeyFile, log: p.log}
	if err := c.load(); err != nil {
		return &config.Error{Key: "serve.tls", Problem: wxcast.Say("config.no_certificate", "why", err),
			Want: wxcast.Say("config.want_certificate")}
	}
	p.certificate = c
	return nil
}

func (p *Program) checkSessionKey() error {
	key := p.cfg.Serve.SessionKey
	switch n := len(key); {
	case n == 0:
		return nil
	case n < login.KeyMin:
		return &config.Error{Key: "serve.session_key", Problem: wxcast.Say("config.short_key", "n", n),
			Want: wxcast.Say("config.want_long_key", "least", login.KeyMin)}
	case value.Guessable(key.Reveal()):
		return &config.Error{Key: "serve.session_key", Problem: wxcast.Say("config.guessable_key"),
			Want: wxcast.Say("config.want_random_key")}
	}
	return nil
}

// checkListen refuses an address that others can reach while nobody has a key, and there is no
// user of the console: then it is likely that nobody meant them to.
func (p *Program) checkListen(ctx context.Context) error {
	if loopback(p.cfg.Serve.Listen) {
		return nil
	}
	keys, err := p.db.GoodAPIKeys(ctx)
	if err != nil || keys > 0 {
		return err
	}
	if users, err := p.db.AnyUsers(ctx); err != nil || users {
		return err
	}
	return &config.Error{Key: "serve.listen", Value: p.cfg.Serve.Listen, Problem: wxcast.Say("config.open_without_key"),
		Want: wxcast.Say("config.want_key_first")}
}

// loopback tells whether only this machine can reach an address.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && value.OnThisMachine(host)
}

// Address is where the program listens.
func (p *Program) Address() net.Addr { return p.listener.Addr() }

// URL is where the program is reached from this machine.
func (p *Program) URL() string {
	scheme := "http"
	if p.certificate != nil {
		scheme = "https"
	}
	return scheme + "://" + p.Address().String()
}

// Accounts are the names of those that it serves.
func (p *Program) Accounts() []string {
	names := make([]string, len(p.accounts))
	for i, a := range p.accounts {
		names[i] = a.Name()
	}
	return names
}

// Run serves until ctx ends, and then stops within seconds: nothing that was promised to
// WeChat, or that WeChat took, is lost.
func (p *Program) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: p.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 15 * time.Second,
		IdleTimeout:  time.Minute, MaxHeaderBytes: headerMax,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	// Events that were promised to WeChat are kept until the last request has ended.
	taking, stopTaking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTaking()
	var work errgroup.Group
	work.Go(func() error { p.intake.Run(taking); return nil })
	if p.login != nil {
		work.Go(func() error { p.login.Run(taking); return nil })
	}
	work.Go(func() error { p.jobs.Run(ctx); return nil })
	work.Go(func() error { p.db.KeepClock(ctx); return nil })
	for _, a := range p.accounts {
		work.Go(func() error { a.Teller(p.worker, p.lang).Run(ctx); return nil })
		for _, sender := range a.WebhookSenders(p.worker) {
			work.Go(func() error { sender.Run(ctx); return nil })
		}
		for _, relay := range a.Relays(p.worker) {
			work.Go(func() error { relay.Run(ctx); return nil })
		}
		if a.CanCall() {
			work.Go(func() error { a.KeepBroadcasts(ctx); return nil })
			work.Go(func() error { a.RunMessages(taking); return nil })
			work.Go(func() error { a.KeepCalls(ctx); return nil })
		}
	}
	work.Go(func() error {
		<-ctx.Done()
		p.log.Info("stopping")
		p.api.Stop()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		err := server.Shutdown(stopping)
		if errors.Is(err, context.DeadlineExceeded) {
			// Connections on which no request came count as busy for five seconds: proxies and
			// clients open some ahead. WeChat tells again what it was about to tell.
			p.log.Info("connections were still open at the end")
			err = server.Close()
		}
		stopTaking()
		return err
	})
	serve := server.Serve
	if p.certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.certificate.current}
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return work.Wait()
}

// Close gives back what Open took. It may be called more than once.
func (p *Program) Close() {
	if p.listener != nil {
		_ = p.listener.Close()
	}
	for _, a := range p.accounts {
		a.Close()
	}
	p.accounts = nil
	if p.db != nil {
		_ = p.db.Close()
		p.db = nil
	}
}
