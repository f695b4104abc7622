package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) auditCommand() *cobra.Command {
	var limit int
	var person string
	cmd := &cobra.Command{
		Use:     "audit",
		Example: "  wxcast audit\n  wxcast audit --limit 1000 --json",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			entries, err := of.Audit(ctx, 0, limit, person)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"entries": entries}, func(w io.Writer) {
				rows := [][]string{a.heads("at_beijing", "who", "from", "what", "of", "outcome")}
				for _, e := range entries {
					rows = append(rows, []string{a.minute(e.At), e.Actor, e.Origin, e.Action, e.Target, e.Outcome})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "")
	cmd.Flags().StringVar(&person, "of", "", "")
	cmd.AddCommand(a.auditVerifyCommand())
	return cmd
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var head string
	cmd := &cobra.Command{
		Use:     "verify",
		Example: "  wxcast audit verify\n  wxcast audit verify --head 1234:9f86d0…",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			check, err := of.VerifyAudit(ctx, head)
			if err != nil {
				return err
			}
			err = a.print(check, func(w io.Writer) {
				code := "audit.right"
				if check.KeyedFrom == 0 {
					code = "audit.right_unkeyed"
				}
				if check.OK {
					a.line(w, code, "n", check.Entries, "first", check.First, "last", check.Last,
						"keyed", check.KeyedFrom)
					a.line(w, "audit.head", "head", check.Head)
				}
			})
			if err == nil && !check.OK {
				err = wxcast.NewError("audit.broken", "why", *check.Broken)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&head, "head", "", "")
	return cmd
}
