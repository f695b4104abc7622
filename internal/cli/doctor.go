package cli

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	store "github.com/wxcast/wxcast/sql"
)

// check is one line of the doctor's.
type check struct {
	Name   string `json:"name"`
	Result string `json:"result"` // ok, warn or fail
	Text   string `json:"text"`
	Mend   string `json:"mend,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var template, callback string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the database, the way to WeChat, the credentials, quota, templates and unionids",
		Long: `Check everything that a broadcast needs, one line each: ok, warn or fail, with how
to mend it. It sends nobody a message. Exit code 1 if any fails.

With --callback it tests your callback URL as WeChat does, with a right and with a
wrong signature.`,
		Example: `  wxcast doctor
  wxcast doctor --account shop --template TPL_ID --json
  wxcast doctor --callback https://example.com/wechat/shop`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			of, err := cfg.Account(a.account)
			if err != nil {
				return err
			}
			d := &doctor{cfg: cfg, lang: a.lang, account: of, template: template, callback: callback}
			d.examine(cmd.Context())
			if err := a.print(map[string]any{"checks": d.checks}, func(w io.Writer) { writeChecks(w, d.checks) }); err != nil {
				return err
			}
			if d.failed {
				return errors.New("at least one check failed")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&template, "template", "", "`ID` of a template that must be there")
	cmd.Flags().StringVar(&callback, "callback", "", "`URL` of your callback, to be tested")
	return cmd
}

type doctor struct {
	lang     text.Lang
	cfg      *config.Config
	account  config.Account
	template string // that must be there; "" for none
	callback string // URL to be tested; "" for none
	checks   []check
	failed   bool
}

func (d *doctor) ok(name, format string, args ...any) {
	d.checks = append(d.checks, check{name, "ok", fmt.Sprintf(format, args...), ""})
}

func (d *doctor) warn(name, text, mend string) {
	d.checks = append(d.checks, check{name, "warn", text, mend})
}

func (d *doctor) fail(name, text, mend string) {
	d.checks = append(d.checks, check{name, "fail", text, mend})
	d.failed = true
}

func (d *doctor) failErr(name string, err error) {
	d.fail(name, d.said(err), d.lang.Say(account.Advice(err)))
}

func (d *doctor) said(err error) string { return d.lang.Error(err, text.CLI, nil) }

func (d *doctor) examine(ctx context.Context) {
	db := d.store(ctx)
	if db != nil {
		defer db.Close()
	}
	reachable := d.hosts(ctx)
	if d.callback != "" {
		d.testCallback(ctx)
	}
	if err := d.account.NeedSecret(); err != nil {
		d.fail("secret", d.said(err), "")
		return
	}
	if db == nil || !reachable {
		d.warn("account", "not checked, because of the above", "")
		return
	}
	client := account.NewClient(d.cfg, d.account, db, account.Hooks{})
	defer client.Close()
	d.wechat(ctx, client)
	d.miniPrograms(ctx, db)
}

// miniPrograms tries the credentials of each mini program that has a secret.
func (d *doctor) miniPrograms(ctx context.Context, tokens wechat.TokenStore) {
	if len(d.account.MiniPrograms) == 0 {
		d.warn("mini program", "none is configured", "set WXCAST_MINI_APPID, or list the account's mini_programs")
	}
	for _, m := range d.account.MiniPrograms {
		if m.Secret == "" {
			d.ok("mini program", "%s is configured, without a secret: it is needed for logins only", m.AppID)
			continue
		}
		client := account.NewClient(d.cfg, config.Account{AppID: m.AppID, Secret: m.Secret}, tokens, account.Hooks{})
		if _, err := client.AccessToken(ctx, ""); err != nil {
			d.failErr("mini program", err)
		} else {
			d.ok("mini program", "%s is known to WeChat, and its secret is right", m.AppID)
		}
		client.Close()
	}
}

// store returns the open database if the account can be checked with it.
func (d *doctor) store(ctx context.Context) *store.DB {
	db, err := store.Open(ctx, d.cfg.DatabaseURL)
	if err != nil {
		d.failErr("database", err)
		return nil
	}
	if err := db.CheckSchema(ctx); err != nil {
		d.failErr("database", err)
		_ = db.Close()
		return nil
	}
	d.ok("database", "%s answers, and its schema is right", db.Engine())
	const skewMax = 5 * time.Second
	if skew := time.Until(db.Now()).Abs(); skew > skewMax {
		d.warn("clock", fmt.Sprintf("this machine's clock is %v from the database's", skew.Round(time.Second)), "run an NTP client on both")
	} else {
		d.ok("clock", "it agrees with the database's")
	}
	return db
}

// hosts tries a connection to each API host; one that answers is enough.
func (d *doctor) hosts(ctx context.Context) (reachable bool) {
	for i, base := range d.cfg.APIBases {
		name := "API host"
		if i > 0 {
			name = "spare API host"
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
			text := fmt.Sprintf("%s takes no connection: %v", u.Host, err)
			mend := "check DNS, the firewall and the proxy; api_base (WXCAST_API_BASE) names the hosts"
			if i == 0 {
				d.fail(name, text, mend)
			} else {
				d.warn(name, text, mend)
			}
			continue
		}
		_ = conn.Close()
		reachable = true
		d.ok(name, "%s takes connections", u.Host)
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
		d.fail(name, "the account has no token to sign with", "set WXCAST_TOKEN to the Token of 开发 → 基本配置 → 服务器配置")
		return
	}
	echo := rand.Text()
	ask := func(token string) (status int, body string, err error) {
		u, err := url.Parse(d.callback)
		if err != nil {
			return 0, "", errors.New("the callback URL is none")
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // WeChat's own patience
		defer cancel()
		u.RawQuery = wechat.CallbackTest(u.Query(), token, echo, time.Now()).Encode()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return 0, "", err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return resp.StatusCode, strings.TrimSpace(string(raw)), err
	}
	status, body, err := ask(d.account.Token.Reveal())
	switch {
	case err != nil:
		d.fail(name, fmt.Sprintf("%s does not answer within 5 seconds", d.callback), "check DNS, the certificate, the proxy in front and the firewall")
		return
	case status != http.StatusOK || body != echo:
		d.fail(name, fmt.Sprintf("%s does not answer with the echostr of a rightly signed test (status %d)", d.callback, status), "check that its Token is the one in the console, and that nothing in front changes the query")
		return
	}
	if _, body, err = ask("not-" + d.account.Token.Reveal()); err == nil && body == echo {
		d.fail(name, d.callback+" accepts a wrong signature", "check the signature before you answer, or anybody can send you events")
		return
	}
	d.ok(name, "%s answers, and refuses a wrong signature", d.callback)
}

// wechat makes the account's own calls.
func (d *doctor) wechat(ctx context.Context, client *wechat.Client) {
	templates, err := client.ListTemplates(ctx)
	if err != nil {
		d.failErr("account", err)
		return // without a token nothing else can be asked
	}
	d.ok("account", "%s is known to WeChat, and the secret is right", d.account.AppID)
	d.templates(templates)
	for _, api := range []string{wechat.TemplateSendAPI, wechat.UserGetAPI, wechat.BatchGetAPI} {
		d.quota(ctx, client, api)
	}
	d.unionids(ctx, client)
}

// templates lists the account's templates with their keys.
func (d *doctor) templates(templates []wechat.Template) {
	if len(templates) == 0 {
		d.fail("templates", "the account has none", "add one in the console: 模板消息 → 模板库")
		return
	}
	var ids []string
	for _, t := range templates {
		d.ok("template", "%s (%s): %s", t.ID, t.Title, strings.Join(t.Keys, ", "))
		ids = append(ids, t.ID)
	}
	if d.template != "" && !slices.Contains(ids, d.template) {
		d.fail("template", fmt.Sprintf("the account has no template %q", d.template), "use one of the above, or add it in the console: 模板消息 → 模板库")
	}
}

func (d *doctor) quota(ctx context.Context, client *wechat.Client, api string) {
	q, err := client.GetQuota(ctx, api)
	name := "quota of " + api
	switch left := q.Limit - q.Used; {
	case err != nil:
		d.warn(name, d.said(err), d.lang.Say(account.Advice(err)))
	case q.Limit == 0:
		d.warn(name, "WeChat gives no information", "look in the console: 开发 → 接口权限")
	case left <= 0:
		d.fail(name, fmt.Sprintf("all %s of today are used", count(q.Limit)), "wait for the next Beijing day, or clear the quota in the console (10 times a month)")
	default:
		d.ok(name, "%s of %s are left today", count(left), count(q.Limit))
	}
}

// unionids looks at the first followers: without a unionid nobody can be joined.
func (d *doctor) unionids(ctx context.Context, client *wechat.Client) {
	page, err := client.ListFollowers(ctx, "")
	if err != nil {
		d.failErr("followers", err)
		return
	}
	d.ok("followers", "%s", count(page.Total))
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
		d.fail("unionid", fmt.Sprintf("none of the first %d followers has one", len(followers)), "bind the account and the mini program to the same Open Platform account (open.weixin.qq.com), then sync")
		return
	}
	d.ok("unionid", "%d of the first %d followers have one", with, len(followers))
}

func writeChecks(w io.Writer, checks []check) {
	var rows [][]string
	for _, c := range checks {
		rows = append(rows, []string{c.Result, c.Name, c.Text})
		if c.Mend != "" {
			rows = append(rows, []string{"", "", "→ " + c.Mend})
		}
	}
	table.Write(w, "", rows...)
}
