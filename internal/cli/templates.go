package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) templatesCommand() *cobra.Command {
	var spec string
	cmd := &cobra.Command{
		Use:     "templates",
		Example: "  wxcast templates\n  wxcast templates --spec TPL_ID > first.yaml",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			all, err := of.Templates(ctx)
			if err != nil {
				return err
			}
			if spec != "" {
				i := slices.IndexFunc(all, func(t account.Template) bool { return t.ID == spec })
				if i < 0 {
					return badFlag("--spec", wxcast.Say("templates.no_such", "id", spec), wxcast.Say("templates.want_one"))
				}
				return a.print(all[i], func(w io.Writer) { fmt.Fprint(w, all[i].Spec) })
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
	cmd.Flags().StringVar(&spec, "spec", "", "")
	return cmd
}
