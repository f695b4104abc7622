package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "backup FILE",
		Example: "  wxcast backup /var/backups/wxcast-$(date +%F).db",
		Args:    cobra.ExactArgs(1),
		RunE: a.withHouse(func(ctx context.Context, h *account.House, args []string) error {
			b, err := h.Backup(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(b, func(w io.Writer) {
				a.line(w, "backup.made", "file", b.File, "mib", b.Bytes>>20, "seconds", b.Seconds)
			})
		}),
	}
}
