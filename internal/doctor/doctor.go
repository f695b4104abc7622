// Package doctor looks whether all is set up as it should be: the configuration, the store,
// WeChat's own settings. Each finding comes with how to mend it.
package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// Check is one line of the doctor's: said in a language.
type Check struct {
	Name   string `json:"name"`
	Result string `json:"result"` // ok, warn or fail
	Text   string `json:"text"`
	Mend   string `json:"mend,omitempty"`
}

// Options say whom the doctor looks at.
type Options struct {
	Config   *config.Config
	Account  config.Account
	Template string // that must be there; "" for none
	Callback string // URL to be tested; "" for none
	Lang     text.Lang
	Door     text.Door // whose hints stand beside mistakes
}

// Examine checks the configuration, the store, and what WeChat says, each with how to mend it.
func Examine(ctx context.Context, o Options) []Check {
	d := &doctor{cfg: o.Config, lang: o.Lang, door: o.Door, account: o.Account, template: o.Template,
		callback: o.Callback}
	d.examine(ctx)
	return d.checks
}

// Failed tells whether one of the checks has failed.
func Failed(checks []Check) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.Result == "fail" })
}

type doctor struct {
	lang     text.Lang
	door     text.Door
	cfg      *config.Config
	account  config.Account
	template string // that must be there; "" for none
	callback string // URL to be tested; "" for none
	checks   []Check
}

// add adds a line: a check's name, what was found, and how to mend it; all are said.
func (d *doctor) add(name, result string, found, mend wxcast.Sentence) {
	d.checks = append(d.checks, Check{d.lang.T("doctor." + name), result, d.lang.Say(found), d.lang.Say(mend)})
}

func (d *doctor) ok(name, code string, pairs ...any) {
	d.add(name, "ok", wxcast.Say(code, pairs...), wxcast.Sentence{})
}

func (d *doctor) warn(name string, found, mend wxcast.Sentence) { d.add(name, "warn", found, mend) }

func (d *doctor) fail(name string, found, mend wxcast.Sentence) { d.add(name, "fail", found, mend) }

func (d *doctor) failErr(name string, err error) {
	d.fail(name, d.said(err), account.Advice(err))
}

// said is an error as the command line says it.
func (d *doctor) said(err error) wxcast.Sentence {
	return wxcast.Verbatim(d.lang.Error(err, d.door, nil))
}

func (d *doctor) examine(ctx context.Context) {
	db := d.store(ctx)
	if db != nil {
		defer db.Close()
	}
	d.connections(ctx, db)
	reachable := d.hosts(ctx)
	if d.callback != "" {
		d.testCallback(ctx)
	}
	d.callbacks()
	d.relay(ctx)
	if err := d.account.NeedSecret(); err != nil {
		d.fail("secret", d.said(err), wxcast.Sentence{})
		return
	}
	if db == nil || !reachable {
		d.warn("account", wxcast.Say("doctor.not_checked"), wxcast.Sentence{})
		return
	}
	client := account.NewClient(d.cfg, d.account, db, account.Hooks{})
	defer client.Close()
	d.wechat(ctx, client)
	d.miniPrograms(ctx, db)
	d.webhooks(ctx, db)
}

// webhooks looks how the company's systems take what they are told.
func (d *doctor) webhooks(ctx context.Context, db *store.DB) {
	const name = "webhooks"
	of, err := account.On(ctx, db, d.cfg, d.account, slog.New(slog.DiscardHandler))
	if err != nil {
		d.failErr(name, err)
		return
	}
	defer of.Close()
	all, err := of.Webhooks(ctx)
	if err != nil {
		d.failErr(name, err)
		return
	}
	for _, w := range all {
		switch w.State {
		case "set_aside":
			d.fail(name, wxcast.Say("doctor.webhook_aside", "name", w.Name, "why", w.Why),
				wxcast.Say("doctor.resume_webhook", "name", w.Name))
		case "failing":
			d.warn(name, wxcast.Say("doctor.webhook_failing", "name", w.Name, "why", w.Why, "behind", w.Behind),
				wxcast.Say("doctor.mend_webhook"))
		default:
			d.ok(name, "doctor.webhook_taking", "name", w.Name, "behind", w.Behind)
		}
	}
}

// miniPrograms tries the credentials of each mini program that has a secret.
func (d *doctor) miniPrograms(ctx context.Context, tokens wechat.TokenStore) {
	if len(d.account.MiniPrograms) == 0 {
		d.warn("mini_program", wxcast.Say("doctor.no_mini"), wxcast.Say("doctor.set_mini"))
	}
	for _, m := range d.account.MiniPrograms {
		if m.Secret == "" {
			d.ok("mini_program", "doctor.mini_no_secret", "appid", m.AppID)
			continue
		}
		client := account.NewClient(d.cfg, config.Account{AppID: m.AppID, Secret: m.Secret}, tokens, account.Hooks{})
		if _, err := client.AccessToken(ctx, ""); err != nil {
			d.failErr("mini_program", err)
		} else {
			d.ok("mini_program", "doctor.mini_right", "appid", m.AppID)
			d.subscribeTemplates(ctx, client, m)
		}
		client.Close()
	}
}

// subscribeTemplates lists the templates to which a mini program's users can consent, and says
// whether WeChat tells us that they do.
func (d *doctor) subscribeTemplates(ctx context.Context, client *wechat.Client, m config.MiniProgram) {
	const name = "subscribe_template"
	templates, err := client.ListSubscribeTemplates(ctx)
	if err != nil {
		d.warn(name, d.said(err), account.Advice(err))
		return
	}
	for _, t := range templates {
		d.ok(name, "doctor.a_subscribe_template", "id", t.ID, "title", t.Title, "keys", t.Keys, "kind",
			wxcast.Say("permits.kind_"+string(t.Kind)))
	}
	if len(templates) > 0 && m.Token == "" { // not wrong: who sends no subscribe messages needs none
		d.add(name, "ok", wxcast.Say("doctor.no_mini_token", "appid", m.AppID),
			wxcast.Say("doctor.set_mini_token", "account", d.account.Name, "appid", m.AppID))
	}
}

// store returns the open database if the account can be checked with it.
func (d *doctor) store(ctx context.Context) *store.DB {
	db, err := account.OpenUnchecked(ctx, d.cfg)
	if err != nil {
		d.failErr("database", err)
		return nil
	}
	err = db.CheckSchema(ctx)
	if err == nil {
		err = db.CheckMoved(ctx)
	}
	if err != nil {
		d.failErr("database", err)
		_ = db.Close()
		return nil
	}
	if err := db.CheckWrites(ctx); err != nil {
		d.fail("database", wxcast.Say("doctor.no_writes", "why", d.said(err)), wxcast.Say("doctor.name_primary"))
		_ = db.Close()
		return nil
	}
	d.ok("database", "doctor.database_right", "engine", string(db.Engine()))
	const skewMax = 5 * time.Second
	if skew := time.Until(db.Now()).Abs(); skew > skewMax {
		d.warn("clock", wxcast.Say("doctor.clock_off", "skew", skew.Round(time.Second)), wxcast.Say("doctor.run_ntp"))
	} else {
		d.ok("clock", "doctor.clock_right")
	}
	return db
}

// hosts tries a connection to each API host; one that answers is enough.
func (d *doctor) hosts(ctx context.Context) (reachable bool) {
	for i, base := range d.cfg.APIBases {
		name := "api_host"
		if i > 0 {
			name = "spare_api_host"
		}
		u, err := url.Parse(base)
		if err != nil {
			continue // the configuration has checked it
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
		}
		conn, err := dial(ctx, u.Scheme, net.JoinHostPort(u.Hostname(), port))
		if err != nil {
			found, mend := wxcast.Say("doctor.no_connection", "host", u.Host, "why",
				err), wxcast.Say("doctor.check_network")
			if i == 0 {
				d.fail(name, found, mend)
			} else {
				d.warn(name, found, mend)
			}
			continue
		}
		_ = conn.Close()
		reachable = true
		d.ok(name, "doctor.connects", "host", u.Host)
	}
	return reachable
}

// dial resolves and connects, and for https greets and checks the certificate.
func dial(ctx context.Context, scheme, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if scheme == "https" {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// testCallback calls the callback URL as WeChat does when it is saved in the console.
func (d *doctor) testCallback(ctx context.Context) {
	const name = "callback"
	if d.account.Token == "" {
		d.fail(name, wxcast.Say("doctor.no_token"), wxcast.Say("doctor.set_token"))
		return
	}
	status, echoed, err := askEcho(ctx, d.callback, d.account.Token.Reveal())
	switch {
	case err != nil:
		d.fail(name, wxcast.Say("doctor.callback_silent", "url", d.callback), wxcast.Say("doctor.check_callback"))
		return
	case status != http.StatusOK || !echoed:
		d.fail(name, wxcast.Say("doctor.callback_no_echo", "url", d.callback, "status", status),
			wxcast.Say("doctor.check_token"))
		return
	}
	if _, echoed, err = askEcho(ctx, d.callback, "not-"+d.account.Token.Reveal()); err == nil && echoed {
		d.fail(name, wxcast.Say("doctor.callback_open", "url", d.callback), wxcast.Say("doctor.check_signature"))
		return
	}
	d.ok(name, "doctor.callback_right", "url", d.callback)
}

// askEcho tests a callback URL as WeChat does: whether it answers with the text that it is given.
func askEcho(ctx context.Context, address, token string) (status int, echoed bool, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, false, wxcast.NewError("doctor.no_url")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // WeChat's own patience
	defer cancel()
	echo := rand.Text()
	u.RawQuery = wechat.CallbackTest(u.Query(), token, echo, time.Now()).Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, false, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
	return resp.StatusCode, strings.TrimSpace(string(raw)) == echo, err
}

// relay asks the company's own handlers, which answer WeChat through wxcast, as WeChat does.
func (d *doctor) relay(ctx context.Context) {
	ask := func(app string, r config.Relay, token config.Secret) {
		if r.Primary == "" {
			return
		}
		const name = "relay"
		switch status, echoed, err := askEcho(ctx, r.Primary.Reveal(), token.Reveal()); {
		case err != nil:
			d.fail(name, wxcast.Say("doctor.primary_silent", "app", app), wxcast.Say("doctor.check_primary"))
		case status != http.StatusOK || !echoed:
			d.fail(name, wxcast.Say("doctor.primary_no_echo", "app", app, "status", status),
				wxcast.Say("doctor.check_primary_token"))
		default:
			d.ok(name, "doctor.primary_right", "app", app)
		}
	}
	ask(d.account.AppID, d.account.Relay, d.account.Token)
	for _, m := range d.account.MiniPrograms {
		ask(m.AppID, m.Relay, m.Token)
	}
}

// callbacks looks at what WeChat's callbacks are checked with.
func (d *doctor) callbacks() {
	const name = "callbacks"
	switch {
	case d.account.Token == "":
		d.warn(name, wxcast.Say("doctor.no_callbacks"), wxcast.Say("doctor.set_token"))
	case d.account.EncodingAESKey == "":
		d.warn(name, wxcast.Say("doctor.no_seal"), wxcast.Say("doctor.set_seal"))
	default:
		d.ok(name, "doctor.sealed", "account", d.account.Name)
	}
}

// console says what of the console stops working when WeChat's callbacks come to wxcast: an
// account has one URL.
func (d *doctor) console(ctx context.Context, client *wechat.Client) {
	const name = "console"
	c, err := client.GetConsole(ctx)
	if err != nil {
		d.warn(name, d.said(err), account.Advice(err))
		return
	}
	var stops []wxcast.Sentence
	if c.FollowReply {
		stops = append(stops, wxcast.Say("doctor.reply_follow"))
	}
	if c.MessageReply {
		stops = append(stops, wxcast.Say("doctor.reply_message"))
	}
	if c.KeywordReplies > 0 {
		stops = append(stops, wxcast.Say("doctor.reply_keyword", "n", c.KeywordReplies))
	}
	if c.MenuButtons > 0 {
		stops = append(stops, wxcast.Say("doctor.menu", "n", c.MenuButtons))
	}
	if len(stops) == 0 {
		d.ok(name, "doctor.console_nothing")
		return
	}
	d.warn(name, wxcast.Say("doctor.console_stops", "what", stops), wxcast.Say("doctor.make_by_api"))
}

// wechat makes the account's own calls.
func (d *doctor) wechat(ctx context.Context, client *wechat.Client) {
	templates, err := client.ListTemplates(ctx)
	if err != nil {
		d.failErr("account", err)
		return // without a token nothing else can be asked
	}
	d.ok("account", "doctor.account_right", "appid", d.account.AppID)
	d.templates(templates)
	for _, api := range []string{wechat.TemplateSendAPI, wechat.UserGetAPI, wechat.BatchGetAPI} {
		d.quota(ctx, client, api)
	}
	d.unionids(ctx, client)
	d.console(ctx, client)
}

// templates lists the account's templates with their keys.
func (d *doctor) templates(templates []wechat.Template) {
	if len(templates) == 0 {
		d.fail("templates", wxcast.Say("doctor.no_templates"), wxcast.Say("doctor.add_template"))
		return
	}
	var ids []string
	for _, t := range templates {
		d.ok("template", "doctor.a_template", "id", t.ID, "title", t.Title, "keys", t.Keys)
		ids = append(ids, t.ID)
	}
	if d.template != "" && !slices.Contains(ids, d.template) {
		d.fail("template", wxcast.Say("doctor.no_such_template", "id", d.template), wxcast.Say("doctor.use_template"))
	}
}

func (d *doctor) quota(ctx context.Context, client *wechat.Client, api string) {
	q, err := client.GetQuota(ctx, api)
	add := func(result string, found, mend wxcast.Sentence) {
		d.checks = append(d.checks, Check{d.lang.T("doctor.quota_of", "api", api), result, d.lang.Say(found),
			d.lang.Say(mend)})
	}
	switch left := q.Limit - q.Used; {
	case err != nil:
		add("warn", d.said(err), account.Advice(err))
	case q.Limit == 0:
		add("warn", wxcast.Say("doctor.no_quota"), wxcast.Say("doctor.look_quota"))
	case left <= 0:
		add("fail", wxcast.Say("doctor.quota_used", "limit", q.Limit), wxcast.Say("doctor.clear_quota"))
	default:
		add("ok", wxcast.Say("doctor.quota_left", "left", left, "limit", q.Limit), wxcast.Sentence{})
	}
}

// unionids looks at the first followers: without a unionid nobody can be joined.
func (d *doctor) unionids(ctx context.Context, client *wechat.Client) {
	page, err := client.ListFollowers(ctx, "")
	if err != nil {
		d.failErr("followers", err)
		return
	}
	d.ok("followers", "doctor.n_followers", "n", page.Total)
	sample := page.OpenIDs[:min(len(page.OpenIDs), wechat.BatchSizeMax)]
	if len(sample) == 0 {
		return
	}
	followers, _, err := client.BatchGetUsers(ctx, sample)
	if err != nil {
		d.failErr("unionid", err)
		return
	}
	with := 0
	for _, f := range followers {
		if f.UnionID != "" {
			with++
		}
	}
	if with == 0 {
		d.fail("unionid", wxcast.Say("doctor.no_unionid", "n", len(followers)), wxcast.Say("doctor.bind"))
		return
	}
	d.ok("unionid", "doctor.unionids", "n", with, "of", len(followers))
}
