package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
	followersync "github.com/wxcast/wxcast/sync"
)

func (a *app) syncCommand() *cobra.Command {
	var full, allowMassUnfollow bool
	cmd := &cobra.Command{
		Use: "sync",
		Example: `  wxcast sync
  wxcast sync --full                  # refresh tags, remarks and scenes, too
  wxcast sync --account shop --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of, err := a.openCallingAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			mode := wxcast.SyncIncremental
			if full {
				mode = wxcast.SyncFull
			}
			summary, err := a.runSync(asked(cmd), of, mode, allowMassUnfollow)
			if err != nil && summary.Listed == 0 { // nothing to tell of
				return err
			}
			if printErr := a.print(summary, func(w io.Writer) { a.writeSync(w, summary) }); err == nil {
				err = printErr
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "")
	cmd.Flags().BoolVar(&allowMassUnfollow, "allow-mass-unfollow", false, "")
	cmd.AddCommand(a.syncStatusCommand())
	return cmd
}

func (a *app) runSync(ctx context.Context, of *account.Account, mode wxcast.SyncMode,
	allowMassUnfollow bool) (followersync.Summary, error) {
	bar := a.progress(a.lang.T("progress.syncing"))
	defer bar.end()
	return of.Sync(ctx, mode, allowMassUnfollow, func(p followersync.Progress) { bar.set(p.Done, p.Whole) })
}

func (a *app) writeSync(w io.Writer, s followersync.Summary) {
	if s.Resumed {
		a.line(w, "sync.resumed")
	}
	a.line(w, "sync.listed", "n", s.Listed, "of", s.Total, "seconds", s.Seconds, "mode",
		wxcast.Say("sync."+string(s.Mode)))
	row := func(code string, value string) []string { return []string{"  " + a.lang.T(code), value} }
	table.Write(w, "",
		row("count.new", count(s.New)), row("count.updated", count(s.Updated)),
		row("count.unfollowed", count(s.Unfollowed)), row("count.with_unionid", count(s.WithUnionID)),
		row("count.calls", a.lang.T("sync.calls", "list", a.callsMade(s, "user/get"), "details",
			a.callsMade(s, "user/info/batchget"))),
	)
}

// callsMade tells the calls of one API beside the fewest that could do.
func (a *app) callsMade(s followersync.Summary, api string) string {
	made, fewest := s.APICalls[api], s.FewestCalls[api]
	code := "sync.calls_more"
	if made == fewest {
		code = "sync.calls_fewest"
	}
	return a.lang.T(code, "n", made, "api", api, "fewest", fewest)
}
