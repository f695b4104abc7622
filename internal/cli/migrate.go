package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "migrate",
		Example: "  wxcast migrate --database postgres://wxcast@localhost/wxcast",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
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
}
