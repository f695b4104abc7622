package cli

import (
	"io"

	"github.com/spf13/cobra"
)

func (a *app) broadcastExportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export ID",
		Short: "Write every delivery of a broadcast with its outcome, as CSV or JSON Lines",
		Long: `Write one row for each recipient of a broadcast, in openid order: the state, the
attempts, WeChat's errcode and msgid, and when it was last tried. Times are UTC.`,
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
			return a.export("deliveries", f, func(w io.Writer) (int64, error) { return of.ExportDeliveries(asked(cmd), id, f.format, w) })
		},
	}
	f.add(cmd)
	return cmd
}
