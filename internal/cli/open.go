package cli

import (
	"context"
	"log/slog"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
)

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

// logger writes logs for programmers: English, and errors said in words.
func (a *app) logger(cfg *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel, ReplaceAttr: sayErrors}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.Err, options))
	}
	return slog.New(slog.NewTextHandler(a.Err, options))
}

// openAccount opens the account that the command line, or else the spec, names.
func (a *app) openAccount(ctx context.Context) (*account.Account, error) {
	return a.open(ctx, func(config.Account) error { return nil })
}

// openCallingAccount opens an account that can call WeChat.
func (a *app) openCallingAccount(ctx context.Context) (*account.Account, error) {
	return a.open(ctx, config.Account.NeedSecret)
}

func (a *app) open(ctx context.Context, check func(config.Account) error) (*account.Account, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	of, err := cfg.Account(a.account)
	if err != nil {
		return nil, a.spec.At("account", err)
	}
	if err := check(of); err != nil {
		return nil, err
	}
	return account.Open(ctx, cfg, of, a.logger(cfg))
}

// withAccount is a command that begins with opening an account.
func (a *app) withAccount(run func(ctx context.Context, of *account.Account, args []string) error) func(*cobra.Command,
	[]string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx := asked(cmd)
		of, err := a.openAccount(ctx)
		if err != nil {
			return err
		}
		defer of.CloseAll()
		return run(ctx, of, args)
	}
}

// asked is the command's context, with who asks for it.
func asked(cmd *cobra.Command) context.Context {
	host, _ := os.Hostname()
	name := "?"
	if who, err := user.Current(); err == nil {
		name = who.Username
	}
	origin := host
	if from, _, ok := strings.Cut(os.Getenv("SSH_CONNECTION"), " "); ok {
		origin = from
	}
	return account.As(cmd.Context(), "cli "+name+"@"+host, origin)
}
