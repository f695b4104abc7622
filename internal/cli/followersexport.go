package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
)

func (a *app) followersExportCommand() *cobra.Command {
	var f exportFlags
	var filter account.FollowerFilter
	cmd := &cobra.Command{
		Use: "export",
		Example: `  wxcast followers export --out followers.csv
  wxcast followers export --bridged --tag 100 --tag 101 --format jsonl
  wxcast followers export --not-bridged --followed-from 2026-01-01`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			return a.export("followers", f, func(w io.Writer) (int64,
				error) {
				return of.ExportFollowers(asked(cmd), filter, f.format, w)
			})
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&filter.MiniAppID, "mini", "", "")
	flags.BoolVar(&filter.Bridged, "bridged", false, "")
	flags.BoolVar(&filter.NotBridged, "not-bridged", false, "")
	flags.BoolVar(&filter.Unfollowed, "unfollowed", false, "")
	flags.IntSliceVar(&filter.Tags, "tag", nil, "")
	flags.IntSliceVar(&filter.AllTags, "all-tags", nil, "")
	flags.IntSliceVar(&filter.WithoutTags, "without-tag", nil, "")
	flags.StringSliceVar(&filter.Scenes, "scene", nil, "")
	flags.StringVar(&filter.From, "followed-from", "", "")
	flags.StringVar(&filter.Until, "followed-until", "", "")
	return cmd
}
