package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) templatesCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "templates",
		Args: cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			all, err := of.Templates(ctx)
			if err != nil {
				return err
			}
			rows := [][]string{a.heads("template", "channel", "name", "values")}
			for _, t := range all {
				var values []string
				for _, f := range t.Fields {
					values = append(values, foreign.Visible(strings.TrimSpace(f.Key+" "+f.Label), false))
				}
				rows = append(rows, []string{t.ID, a.lang.T("channel." + t.Channel), foreign.Visible(t.Title, false),
					strings.Join(values, ", ")})
			}
			return a.print(map[string]any{"templates": append([]account.Template{}, all...)},
				func(w io.Writer) { table.Write(w, "", rows...) })
		}),
	}
}
