package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/doctor"
	"github.com/wxcast/wxcast/internal/setup"
	"github.com/wxcast/wxcast/internal/text"
)

func (a *app) initCommand() *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use:     "init",
		Example: "  wxcast init\n  wxcast init --config /etc/wxcast/wxcast.yaml --replace",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := setup.Options{File: a.configFile, Replace: replace, Lang: a.lang, In: a.In, Out: a.Err, Getenv: a.Getenv}
			if o.File == "" {
				o.File = config.DefaultFile
			}
			if a.Asks {
				o.Hidden = func() (string, error) {
					line, err := term.ReadPassword(int(os.Stdin.Fd()))
					return string(line), err
				}
			}
			r, err := setup.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			checks, err := a.examineNew(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"file": r.File, "account": r.Account, "checks": checks}, func(w io.Writer) {
				a.line(w, "init.written", "file", r.File)
				writeChecks(w, checks)
				with := ""
				if r.File != config.DefaultFile {
					with = " --config " + r.File
				}
				a.line(w, "init.next", "with", with)
			})
		},
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "")
	return cmd
}

// examineNew lets the doctor look at a new configuration. A SQLite store is not made by it: it is
// to be the service's, not of whoever answered the questions.
func (a *app) examineNew(ctx context.Context, r setup.Result) ([]doctor.Check, error) {
	cfg := *r.Config
	if strings.HasPrefix(cfg.DatabaseURL, "sqlite:") {
		folder, err := os.MkdirTemp("", "wxcast-init-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(folder) }() // it was for the doctor
		cfg.DatabaseURL = "sqlite://" + filepath.ToSlash(filepath.Join(folder, "try.db"))
	}
	db, err := account.OpenStore(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	of, err := cfg.Account(r.Account)
	if err != nil {
		return nil, err
	}
	return doctor.Examine(ctx, doctor.Options{Config: &cfg, Account: of, Lang: a.lang, Door: text.CLI}), nil
}
