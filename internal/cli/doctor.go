package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
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
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check the database, the way to WeChat, the credentials, quota, templates and unionids",
		Long: `Check everything that a broadcast needs, one line each: ok, warn or fail, with how
to mend it. It changes nothing and sends nobody a message. Exit code 1 if any fails.`,
		Example: "  wxcast doctor\n  wxcast doctor --account shop --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			account, err := cfg.Account(a.account)
			if err != nil {
				return err
			}
			d := &doctor{cfg: cfg, account: account}
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
}

type doctor struct {
	cfg     *config.Config
	account config.Account
	checks  []check
	failed  bool
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

func (d *doctor) failErr(name string, err error) { d.fail(name, err.Error(), advice(err)) }

func (d *doctor) examine(ctx context.Context) {
	db := d.store(ctx)
	if db != nil {
		defer db.Close()
	}
	reachable := d.hosts(ctx)
	if len(d.account.MiniPrograms) == 0 {
		d.warn("mini program", "none is configured", "set WXCAST_MINI_APPID, or list the account's mini_programs")
	}
	if err := d.account.NeedSecret(); err != nil {
		d.fail("secret", err.Error(), "")
		return
	}
	if db == nil || !reachable {
		d.warn("account", "not checked, because of the above", "")
		return
	}
	client := newClient(d.cfg, d.account, db)
	defer client.Close()
	d.wechat(ctx, client)
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
		dialer := net.Dialer{Timeout: 5 * time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
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

// wechat makes the account's own calls.
func (d *doctor) wechat(ctx context.Context, client *wechat.Client) {
	templates, err := client.ListTemplates(ctx)
	if err != nil {
		d.failErr("account", err)
		return // without a token nothing else can be asked
	}
	d.ok("account", "%s is known to WeChat, and the secret is right", d.account.AppID)
	if len(templates) == 0 {
		d.fail("templates", "the account has none", "add one in the console: 模板消息 → 模板库")
	} else {
		d.ok("templates", "%d, such as %s (%s)", len(templates), templates[0].ID, templates[0].Title)
	}
	for _, api := range []string{wechat.TemplateSendAPI, wechat.UserGetAPI, wechat.BatchGetAPI} {
		d.quota(ctx, client, api)
	}
	d.unionids(ctx, client)
}

func (d *doctor) quota(ctx context.Context, client *wechat.Client, api string) {
	q, err := client.GetQuota(ctx, api)
	name := "quota of " + api
	switch left := q.Limit - q.Used; {
	case err != nil:
		d.warn(name, err.Error(), advice(err))
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
		if f.UnionID != wxcast.UnionID("") {
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
