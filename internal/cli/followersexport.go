package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
)

func (a *app) followersExportCommand() *cobra.Command {
	var filter account.FollowerFilter
	cmd := a.exportCommand("followers", `  wxcast followers export --out followers.csv
  wxcast followers export --bridged --tag 100 --tag 101 --format jsonl
  wxcast followers export --not-bridged --followed-from 2026-01-01`,
		func(ctx context.Context, of *account.Account, format string, w io.Writer) (int64, error) {
			return of.ExportFollowers(ctx, filter, format, w)
		})
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
