package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/serve"
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

func (a *app) serve(ctx context.Context) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	p, err := serve.Open(ctx, serve.Options{Config: cfg, Version: version(), Lang: a.lang, Log: a.logger(cfg)})
	if err != nil {
		return err
	}
	defer p.Close()
	a.say("wxcast serves %s at http://%s; callbacks go to /wechat/ACCOUNT.", strings.Join(p.Accounts(), ", "), p.Address())
	return p.Run(ctx)
}
