package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
	followersync "github.com/wxcast/wxcast/sync"
)

// syncRun is one line of "sync status".
type syncRun struct {
	ID         int64      `json:"id"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"` // null while it is unfinished
	Outcome    string     `json:"outcome"`
	followersync.Summary
}

func (a *app) syncStatusCommand() *cobra.Command {
	var last int
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show the last syncs",
		Example: "  wxcast sync status\n  wxcast sync status --last 30 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if last < 1 || last > 1000 {
				return usageError{fmt.Errorf("--last: %d is not a number from 1 to 1000", last)}
			}
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			ended, err := s.db.SyncRuns(cmd.Context(), s.accountID, last)
			if err != nil {
				return err
			}
			result := struct {
				Runs []syncRun `json:"runs"`
			}{make([]syncRun, len(ended))}
			for i, r := range ended {
				result.Runs[i] = describeSyncRun(r, s.db.Now())
			}
			return a.print(result, func(w io.Writer) { writeSyncRuns(w, result.Runs) })
		},
	}
	cmd.Flags().IntVar(&last, "last", 10, "how many")
	return cmd
}

func describeSyncRun(r wxcast.EndedSyncRun, now time.Time) syncRun {
	run := syncRun{ID: r.ID, StartedAt: r.StartedAt, Outcome: r.Outcome, Summary: followersync.SummaryOf(r.SyncRun)}
	end := r.FinishedAt
	if end.IsZero() {
		end, run.Outcome = now, "unfinished"
	} else {
		run.FinishedAt = &end
	}
	run.Seconds = end.Sub(r.StartedAt).Seconds()
	return run
}

func writeSyncRuns(w io.Writer, runs []syncRun) {
	if len(runs) == 0 {
		fmt.Fprintln(w, "No sync yet: run wxcast sync.")
		return
	}
	rows := [][]string{{"STARTED (BEIJING)", "MODE", "LISTED", "NEW", "UPDATED", "UNFOLLOWED", "CALLS", "TOOK", "OUTCOME"}}
	for _, r := range runs {
		rows = append(rows, []string{
			r.StartedAt.In(wxcast.Beijing).Format("2006-01-02 15:04:05"), string(r.Mode), count(r.Listed), count(r.New), count(r.Updated), count(r.Unfollowed),
			count(r.APICalls["user/get"] + r.APICalls["user/info/batchget"] + r.APICalls["user/info"]),
			time.Duration(r.Seconds * float64(time.Second)).Round(time.Second).String(), r.Outcome,
		})
	}
	table.Write(w, "", rows...)
}
