package cli

import (
	"io"

	"github.com/spf13/cobra"
)

func (a *app) broadcastExportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:     "export ID",
		Example: "  wxcast broadcast export 3 --out deliveries.csv\n  wxcast broadcast export 3 --format jsonl",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			id, err := broadcastID(args[0])
			if err != nil {
				return err
			}
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			return a.export("deliveries", f, func(w io.Writer) (int64,
				error) {
				return of.ExportDeliveries(asked(cmd), id, f.format, w)
			})
		},
	}
	f.add(cmd)
	return cmd
}
