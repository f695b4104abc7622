package cli

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) optOutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "optout",
	}
	cmd.AddCommand(a.optOutAddCommand(), a.optOutRemoveCommand(), a.optOutImportCommand(), a.optOutExportCommand())
	return cmd
}

func (a *app) printOptOut(r account.OptOutChange) error {
	return a.print(r, func(w io.Writer) {
		if r.Removed > 0 {
			a.line(w, "optout.removed", "n", r.Removed)
		} else {
			a.line(w, "optout.added", "n", r.Added)
		}
		if n := len(r.Unknown); n > 0 {
			a.line(w, "optout.unknown", "n", n, "ids", r.Unknown[:min(n, 10)])
		}
	})
}

func (a *app) optOutAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "add OPENID|UNIONID…",
		Example: "  wxcast optout add oCJUsw9O7spQia91XWy7NQSCS-QE",
		Args:    cobra.MinimumNArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			change, err := of.AddOptOuts(ctx, args)
			if err != nil {
				return err
			}
			return a.printOptOut(change)
		}),
	}
}

func (a *app) optOutRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove OPENID|UNIONID…",
		Example: "  wxcast optout remove oCJUsw9O7spQia91XWy7NQSCS-QE",
		Args:    cobra.MinimumNArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			change, err := of.RemoveOptOuts(ctx, args)
			if err != nil {
				return err
			}
			return a.printOptOut(change)
		}),
	}
}

func (a *app) optOutImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "import FILE",
		Example: "  wxcast optout import complaints.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := readIDs(args[0])
			if err != nil {
				return err
			}
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			r, err := of.ImportOptOuts(asked(cmd), ids)
			if err != nil {
				return err
			}
			return a.printOptOut(r)
		},
	}
}

// readIDs reads the ids of a whole CSV before anything is done with them.
func readIDs(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, &wxcast.BadInput{File: file, Problem: wxcast.Say("input.unreadable"),
			Want: wxcast.Say("input.want_csv")}
	}
	defer f.Close()
	var ids []string
	for row, err := range spec.ReadList(f, file) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, row.ID)
	}
	return ids, nil
}

func (a *app) optOutExportCommand() *cobra.Command {
	return a.exportCommand("opt-outs", "  wxcast optout export --out optouts.csv",
		func(ctx context.Context, of *account.Account, format string, w io.Writer) (int64, error) {
			return of.ExportOptOuts(ctx, format, w)
		})
}
