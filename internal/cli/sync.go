package cli

import (
	"context"
	"fmt"
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
		Use:   "sync",
		Short: "Bring the account's followers and their unionids into the database",
		Long: `List every follower, and ask WeChat for the details of those that are new, came
back, or had no unionid. Followers that are missing from the complete list are
asked for once more and then marked as gone, never more than
sync.max_unfollow_share of all.

A sync that was stopped goes on where it was. Meant to run every night.`,
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
			if printErr := a.print(summary, func(w io.Writer) { writeSync(w, summary) }); err == nil {
				err = printErr
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "ask for everyone's details again")
	cmd.Flags().BoolVar(&allowMassUnfollow, "allow-mass-unfollow", false, "mark as gone even more than sync.max_unfollow_share of the followers")
	cmd.AddCommand(a.syncStatusCommand())
	return cmd
}

func (a *app) runSync(ctx context.Context, of *account.Account, mode wxcast.SyncMode, allowMassUnfollow bool) (followersync.Summary, error) {
	bar := a.progress("syncing followers")
	defer bar.end()
	return of.Sync(ctx, mode, allowMassUnfollow, func(p followersync.Progress) { bar.set(p.Done, p.Whole) })
}

func writeSync(w io.Writer, s followersync.Summary) {
	if s.Resumed {
		fmt.Fprintln(w, "Continued an unfinished sync.")
	}
	fmt.Fprintf(w, "Listed %s of %s followers in %.1f s (%s).\n", count(s.Listed), count(s.Total), s.Seconds, s.Mode)
	table.Write(w, "",
		[]string{"  new", count(s.New)},
		[]string{"  updated", count(s.Updated)},
		[]string{"  unfollowed", count(s.Unfollowed)},
		[]string{"  with unionid", count(s.WithUnionID)},
		[]string{"  calls", callsMade(s, "user/get") + ", " + callsMade(s, "user/info/batchget")},
	)
}

// callsMade tells the calls of one API beside the fewest that could do.
func callsMade(s followersync.Summary, api string) string {
	made, fewest := s.APICalls[api], s.FewestCalls[api]
	if made == fewest {
		return fmt.Sprintf("%s %s (the fewest possible)", count(made), api)
	}
	return fmt.Sprintf("%s %s (%s would have done)", count(made), api, count(fewest))
}
