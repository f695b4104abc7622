package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) auditCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "audit",
		Example: "  wxcast audit\n  wxcast audit --limit 1000 --json",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			entries, err := of.Audit(ctx, 0, limit)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"entries": entries}, func(w io.Writer) {
				rows := [][]string{a.heads("at_beijing", "who", "what", "of", "outcome")}
				for _, e := range entries {
					rows = append(rows, []string{a.minute(e.At), e.Actor, e.Action, e.Target, e.Outcome})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "")
	return cmd
}
