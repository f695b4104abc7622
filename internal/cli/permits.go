package cli

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) permitsCommand() *cobra.Command {
	var mini string
	cmd := &cobra.Command{Use: "permits"}
	cmd.PersistentFlags().StringVar(&mini, "mini", "", "")
	cmd.AddCommand(a.permitsStatusCommand(&mini), a.permitsShowCommand(&mini), a.permitsImportCommand(&mini),
		a.permitsExportCommand(&mini))
	return cmd
}

func (a *app) permitsStatusCommand(mini *string) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Example: "  wxcast permits status\n  wxcast permits status --json",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			status, err := of.PermitStatus(ctx, *mini)
			if err != nil {
				return err
			}
			return a.print(status, func(w io.Writer) {
				if len(status.Templates) == 0 {
					a.line(w, "permits.none")
					return
				}
				rows := [][]string{a.heads("template", "kind", "people", "messages")}
				for _, t := range status.Templates {
					rows = append(rows, []string{t.TemplateID, a.permitKind(t.Kind), count(t.People), count(t.Permits)})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
}

func (a *app) permitKind(k wxcast.PermitKind) string { return a.lang.T("permits.kind_" + string(k)) }

func (a *app) permitsShowCommand(mini *string) *cobra.Command {
	return &cobra.Command{
		Use:     "show MINI_OPENID",
		Example: "  wxcast permits show oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k",
		Args:    cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			p, err := of.Permits(ctx, *mini, args[0])
			if err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) {
				rows := [][]string{a.heads("at_beijing", "template", "kind", "source", "messages")}
				for _, one := range p.Permits {
					left := strconv.FormatInt(one.Messages, 10)
					if one.Hint {
						left = a.lang.T("permits.hint")
					}
					rows = append(rows, []string{a.minute(one.GrantedAt), one.TemplateID, a.permitKind(one.Kind),
						a.lang.T("permits.by_" + string(one.Source)), left})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
}

func (a *app) permitsImportCommand(mini *string) *cobra.Command {
	return &cobra.Command{
		Use:     "import FILE",
		Example: "  wxcast permits import permits.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, name, err := openInput(args[0], a.In)
			if err != nil {
				return err
			}
			defer in.Close()
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			done, err := of.ImportPermits(asked(cmd), *mini, in, name)
			if err != nil {
				return err
			}
			return a.print(done, func(w io.Writer) {
				a.line(w, "permits.imported", "rows", done.Rows, "inserted", done.Inserted, "updated", done.Updated,
					"rejected", done.Rejected)
				for i, r := range done.Rejects {
					a.line(w, "permits.rejected", "line", r.Line, "why", done.Reasons[i])
				}
			})
		},
	}
}

func (a *app) permitsExportCommand(mini *string) *cobra.Command {
	return a.exportCommand("permits", "  wxcast permits export --out permits.csv",
		func(ctx context.Context, of *account.Account, format string, w io.Writer) (int64, error) {
			return of.ExportPermits(ctx, *mini, format, w)
		})
}
