package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
	followersync "github.com/wxcast/wxcast/sync"
)

// demoSpec is what the demo sends.
const demoSpec = `name: %s
template: %s
data:
  thing1: "%s"
  time2: "2026-11-30 10:00"
miniprogram:
  pagepath: "pages/sale/index?from=oa"
`

// demoSummary is the demo's --json.
type demoSummary struct {
	Sync      followersync.Summary `json:"sync"`
	Import    importResult         `json:"import"`
	Join      bridge.JoinSummary   `json:"join"`
	Broadcast report.Broadcast     `json:"broadcast"`
	Channels  report.Broadcast     `json:"channels"` // one message to each, by three channels
	Week      *demoTold            `json:"week,omitempty"`
	Report    report.Report        `json:"report"`
}

func (a *app) demoCommand() *cobra.Command {
	var followers int
	var rate float64
	var serves bool
	cmd := &cobra.Command{
		Use:     "demo",
		Example: "  wxcast demo\n  wxcast demo --serve\n  wxcast demo --followers 20000 --rate 2000\n  wxcast demo --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if followers < 1 || followers > 10_000_000 {
				return outside("followers", followers, 1, 10_000_000)
			}
			if !(rate >= 1 && rate <= value.RateMax) {
				return outside("rate", rate, 1, value.RateMax)
			}
			return a.demo(cmd.Context(), followers, rate, serves)
		},
	}
	cmd.Flags().IntVar(&followers, "followers", 2000, "")
	cmd.Flags().Float64Var(&rate, "rate", 1000, "")
	cmd.Flags().BoolVar(&serves, "serve", false, "")
	return cmd
}

func (a *app) demo(ctx context.Context, followers int, rate float64, serves bool) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sim := simulator.New(simulator.Options{Followers: followers, Seed: 1})
	defer sim.Close()
	// A larger account has a larger quota, as at WeChat.
	sim.SetKnobs(func(k *simulator.Knobs) {
		k.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": max(100_000, int64(followers)),
			"/cgi-bin/user/get": max(500, int64(followers)/5000)}
	})
	started := make(chan simAnnouncement, 1)
	served := make(chan error, 1)
	go func() {
		served <- a.serveSim(ctx, sim, "127.0.0.1:0", func(line simAnnouncement) error { started <- line; return nil })
	}()
	defer func() { stop(); err = errors.Join(err, <-served) }()
	var line simAnnouncement
	select {
	case line = <-started:
	case err := <-served:
		served <- nil
		return err
	}

	cfg, cleanUp, err := a.demoConfig(line)
	if err != nil {
		return err
	}
	defer cleanUp()
	of, err := account.Open(ctx, cfg, cfg.Accounts[0], a.logger(cfg))
	if err != nil {
		return err
	}
	defer of.CloseAll()
	if !a.json {
		a.line(a.Out, "demo.begin", "base", line.Base, "followers", followers, "database",
			describeDatabase(cfg.DatabaseURL))
	}
	ctx = account.As(ctx, "demo", "demo")
	if err := a.demoSteps(ctx, of, sim, cfg, line, rate, serves); err != nil || !serves {
		return err
	}
	return a.demoServe(ctx, cfg, sim, line)
}

// demoConfig is a configuration for the simulator's account, on the database that
// was asked for or one in a temporary folder.
func (a *app) demoConfig(line simAnnouncement) (*config.Config, func(), error) {
	cleanUp := func() {}
	database := a.database
	if database == "" {
		database = a.Getenv("WXCAST_DATABASE_URL")
	}
	if database == "" {
		dir, err := os.MkdirTemp("", "wxcast-demo-")
		if err != nil {
			return nil, nil, err
		}
		cleanUp = func() { _ = os.RemoveAll(dir) }
		database = "sqlite://" + filepath.Join(dir, "wxcast.db")
	}
	flags := map[string]string{"database.url": database, "api_base": line.Base, "sync.rate": "1000",
		"serve.listen": cmp.Or(a.Getenv("WXCAST_SERVE_LISTEN"), "127.0.0.1:0"), "serve.sync_at": "off",
		"serve.quota_at": "off",
		"log.level":      "error"} // the demo says what it does by itself
	if a.logLevel != "" {
		flags["log.level"] = a.logLevel
	}
	env := map[string]string{
		"WXCAST_APPID": line.AppID, "WXCAST_SECRET": line.Secret, "WXCAST_MINI_APPID": line.MiniAppID,
		"WXCAST_MINI_SECRET": line.MiniSecret, "WXCAST_TOKEN": line.Token, "WXCAST_MINI_TOKEN": line.MiniToken,
	}
	getenv := func(name string) string {
		if strings.HasPrefix(name, "WXCAST_CONSOLE_") { // how the console is, one may want to see
			return a.Getenv(name)
		}
		return env[name]
	}
	cfg, err := config.Load(config.Sources{File: os.DevNull, Env: getenv, Flags: flags})
	if err != nil {
		cleanUp()
		return nil, nil, err
	}
	return cfg, cleanUp, nil
}

func (a *app) demoSteps(ctx context.Context, of *account.Account, sim *simulator.Server, cfg *config.Config,
	line simAnnouncement, rate float64, serves bool) (err error) {
	var d demoSummary
	n := 0
	step := func(code string, pairs ...any) {
		if n++; !a.json {
			fmt.Fprintf(a.Out, "%d. %s\n", n, a.lang.T(code, pairs...))
		}
	}
	show := func(write func()) {
		if !a.json {
			write()
		}
	}
	first, last := wxcast.DayOf(of.Now()), wxcast.DayOf(of.Now())
	step("demo.sync")
	if d.Sync, err = a.runSync(ctx, of, wxcast.SyncIncremental, false); err != nil {
		return err
	}
	show(func() { a.writeSync(a.Out, d.Sync) })

	step("demo.import")
	if d.Import, err = a.importFromSim(ctx, of, line.MiniCSV); err != nil {
		return err
	}
	show(func() { a.writeImport(a.Out, d.Import) })

	step("demo.join")
	if d.Join, err = of.Join(ctx, ""); err != nil {
		return err
	}
	show(func() { a.writeJoin(a.Out, d.Join) })

	step("demo.channels")
	byChannels, err := a.demoByChannels(ctx, of, sim, cfg, line, 2*rate)
	if err != nil {
		return err
	}
	d.Channels = byChannels.Summary
	show(func() { a.writeBroadcast(a.Out, d.Channels) })

	// The console's clock is this machine's, and Postgres has its own: neither can be moved.
	if a.Process == nil || serves || strings.HasPrefix(cfg.DatabaseURL, "postgres") {
		step("demo.broadcast", "rate", rate)
		sent, err := a.demoBroadcast(ctx, of, line, rate)
		if err != nil {
			return err
		}
		d.Broadcast = sent.Summary
		show(func() { a.writeBroadcast(a.Out, d.Broadcast) })
	} else {
		week := demoWeek{app: a, of: of, sim: sim, cfg: cfg, at: line, rate: rate, joined: d.Join.Joined, step: step}
		defer week.over()
		if d.Broadcast, err = week.run(ctx); err != nil {
			return err
		}
		of = week.of
		d.Week, last = &week.told, last.Next().Next()
	}

	step("demo.report")
	if d.Report, err = of.Report(ctx, last); err != nil {
		return err
	}
	days, err := of.Days(ctx, first, last)
	if err != nil {
		return err
	}
	return a.print(d, func(w io.Writer) { a.writeDemoEnd(w, d, days) })
}

func (a *app) demoBroadcast(ctx context.Context, of *account.Account, line simAnnouncement, rate float64) (account.Sent,
	error) {
	path, clean, err := demoFile(demoSpecOf("demo-", "上新提醒", line))
	if err != nil {
		return account.Sent{}, err
	}
	defer clean()
	spec, err := account.ReadSpec(account.SpecFile{Path: path, Overrides: account.Overrides{Rate: rate}})
	if err != nil {
		return account.Sent{}, err
	}
	who := account.Asker{Say: func(wxcast.Sentence) {}} // the demo says what it does by itself
	sent, err := of.RunBroadcast(ctx, spec, a.sending(who, false))
	if err == nil {
		err = stopped(sent.Broadcast)
	}
	return sent, err
}

// demoFile keeps a spec of the demo's until clean.
func demoFile(spec string) (path string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "wxcast-demo-spec-")
	if err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) } // nothing of it is needed
	path = filepath.Join(dir, "demo.yaml")
	if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
		clean()
		return "", nil, err
	}
	return path, clean, nil
}

// demoSpecOf is what the demo sends, under a name of its own each time, so that a demo on a kept
// database sends again.
func demoSpecOf(prefix, thing string, line simAnnouncement) string {
	return fmt.Sprintf(demoSpec, prefix+time.Now().UTC().Format("20060102-150405.000"), line.TemplateID, thing)
}

func (a *app) importFromSim(ctx context.Context, of *account.Account, url string) (importResult, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return importResult{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return importResult{}, err
	}
	defer resp.Body.Close()
	columns := bridge.Columns{UnionID: "unionid", OpenID: "openid"}
	return a.runImport(ctx, of, bridge.ReadFile(resp.Body, "mini.csv", columns), "mini.csv", importFlags{})
}

// describeDatabase names the database without its password.
func describeDatabase(url string) wxcast.Sentence {
	if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
		return wxcast.Say("demo.sqlite", "path", path)
	}
	return wxcast.Say("demo.postgres")
}

func (a *app) writeDemoEnd(w io.Writer, d demoSummary, days []account.DayFigures) {
	a.writeDays(w, days)
	fmt.Fprintln(w)
	a.line(w, "demo.end", "followers", d.Join.Followers, "joined", d.Join.Joined, "share",
		share(d.Join.Joined, d.Join.Followers), "sent", d.Broadcast.Sent)
}
