package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
)

func (a *app) migrateCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "migrate",
		Example: "  wxcast migrate --database postgres://wxcast@localhost/wxcast\n" +
			"  wxcast migrate --from sqlite:///var/lib/wxcast/wxcast.db --database postgres://wxcast@localhost/wxcast",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			if from != "" {
				return a.moveStore(asked(cmd), cfg, from)
			}
			db, err := account.OpenUnchecked(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			from, to, err := db.Migrate(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]int64{"from": from, "to": to}, func(w io.Writer) {
				if from == to {
					a.line(w, "migrate.already", "version", to)
				} else {
					a.line(w, "migrate.done", "from", from, "to", to)
				}
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "")
	return cmd
}

// moveStore moves a SQLite store to Postgres.
func (a *app) moveStore(ctx context.Context, cfg *config.Config, from string) error {
	var bar *progress
	var table string
	defer func() {
		if bar != nil {
			bar.end()
		}
	}()
	m, err := account.MoveStore(ctx, cfg, from, a.logger(cfg), func(of string, rows int64) {
		if of != table {
			if bar != nil {
				bar.end()
			}
			bar, table = a.progress(of), of
		}
		bar.set(rows, 0)
	})
	if err != nil {
		return err
	}
	if bar != nil {
		bar.end()
	}
	return a.print(m, func(w io.Writer) {
		if m.Already {
			a.line(w, "move.already", "from", m.From)
			return
		}
		a.line(w, "move.done", "from", m.From, "rows", m.Rows, "tables", m.Tables, "seconds", m.Seconds)
	})
}
