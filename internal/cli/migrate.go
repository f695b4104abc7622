package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	store "github.com/wxcast/wxcast/sql"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: `Create the tables in a fresh database, or bring an older schema up to this
version. One process migrates at a time; a newer schema is left alone.

Other commands do it by themselves unless database.auto_migrate is false.`,
		Example: "  wxcast migrate --database postgres://wxcast@localhost/wxcast",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			db, err := store.Open(cmd.Context(), cfg.DatabaseURL)
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
					fmt.Fprintf(w, "The schema is version %d already.\n", to)
				} else {
					fmt.Fprintf(w, "Migrated the schema from version %d to %d.\n", from, to)
				}
			})
		},
	}
}
