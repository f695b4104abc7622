package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

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
			s, err := a.openCallingSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			mode := wxcast.SyncIncremental
			if full {
				mode = wxcast.SyncFull
			}
			summary, err := a.runSync(cmd.Context(), s, mode, allowMassUnfollow)
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

func (a *app) runSync(ctx context.Context, s *session, mode wxcast.SyncMode, allowMassUnfollow bool) (followersync.Summary, error) {
	bar := a.progress("syncing followers")
	defer bar.end()
	return s.sync(ctx, mode, allowMassUnfollow, func(p followersync.Progress) { bar.set(p.Done, p.Whole) })
}

// sync runs a sync as it is configured. progress may be nil.
func (s *session) sync(ctx context.Context, mode wxcast.SyncMode, allowMassUnfollow bool, progress func(followersync.Progress)) (followersync.Summary, error) {
	return followersync.Run(ctx, s.client, s.db, followersync.Options{
		AccountID: s.accountID, Mode: mode, Concurrency: s.cfg.Sync.Concurrency, Rate: s.cfg.Sync.Rate,
		MaxUnfollowShare: s.cfg.Sync.MaxUnfollowShare, AllowMassUnfollow: allowMassUnfollow, ResumeWithin: s.cfg.Sync.ResumeWithin,
		Progress: progress, Log: s.log,
	})
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
