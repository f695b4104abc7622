package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) testerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "tester",
	}
	cmd.AddCommand(a.testerListCommand(), a.testerCodeCommand(),
		a.testerChangeCommand("add", (*account.Account).AddTesters),
		a.testerChangeCommand("remove", (*account.Account).RemoveTesters))
	return cmd
}

func (a *app) testerListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Example: "  wxcast tester list",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			all, err := of.Testers(ctx)
			if err != nil {
				return err
			}
			return a.printTesters(all)
		}),
	}
}

func (a *app) testerChangeCommand(verb string,
	change func(*account.Account, context.Context, []string) ([]account.Tester, error)) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " OPENID…",
		Example: "  wxcast tester " + verb + " oCJUsw9O7spQia91XWy7NQSCS-QE",
		Args:    cobra.MinimumNArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			all, err := change(of, ctx, args)
			if err != nil {
				return err
			}
			return a.printTesters(all)
		}),
	}
}

func (a *app) printTesters(all []account.Tester) error {
	return a.print(map[string]any{"testers": all}, func(w io.Writer) {
		a.line(w, "tester.list", "n", len(all))
		rows := make([][]string, len(all))
		for i, t := range all {
			rows[i] = []string{t.OpenID, a.minute(t.Since), t.Source}
		}
		table.Write(w, "  ", rows...)
	})
}

func (a *app) testerCodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "code",
		Example: "  wxcast tester code",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of, err := a.openCallingAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			code, err := of.TesterCode(asked(cmd))
			if err != nil {
				return err
			}
			return a.print(code, func(w io.Writer) {
				a.line(w, "tester.code", "until", code.ExpiresAt, "picture", code.Picture)
			})
		},
	}
}
