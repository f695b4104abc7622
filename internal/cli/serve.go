package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/serve"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "serve",
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
	a.say("serve.serves", "accounts", p.Accounts(), "address", p.URL())
	return p.Run(ctx)
}
