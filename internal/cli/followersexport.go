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
		Use:   "export",
		Short: "Write followers as CSV or JSON Lines",
		Long: `Write the followers that the filters leave, in openid order, with their unionid,
their openid in the mini program, and their history. Times are UTC. Without filters
that is every current follower.`,
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
			return a.export("followers", f, func(w io.Writer) (int64, error) { return of.ExportFollowers(asked(cmd), filter, f.format, w) })
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&filter.MiniAppID, "mini", "", "`APPID` of the mini program, where the account has several")
	flags.BoolVar(&filter.Bridged, "bridged", false, "only those joined to a mini user")
	flags.BoolVar(&filter.NotBridged, "not-bridged", false, "only those who are not")
	flags.BoolVar(&filter.Unfollowed, "unfollowed", false, "those who left, too")
	flags.IntSliceVar(&filter.Tags, "tag", nil, "with one of these tag `IDS`")
	flags.IntSliceVar(&filter.AllTags, "all-tags", nil, "with all of these tag `IDS`")
	flags.IntSliceVar(&filter.WithoutTags, "without-tag", nil, "with none of these tag `IDS`")
	flags.StringSliceVar(&filter.Scenes, "scene", nil, "who followed in one of these `SCENES`, such as ADD_SCENE_QR_CODE")
	flags.StringVar(&filter.From, "followed-from", "", "who followed on this Beijing `DATE` or later")
	flags.StringVar(&filter.Until, "followed-until", "", "who followed before this Beijing `DATE`")
	return cmd
}
