package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

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
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			runs, err := of.SyncRuns(cmd.Context(), last)
			if err != nil {
				return err
			}
			result := map[string][]account.SyncRun{"runs": runs}
			return a.print(result, func(w io.Writer) { writeSyncRuns(w, runs) })
		},
	}
	cmd.Flags().IntVar(&last, "last", 10, "how many")
	return cmd
}

func writeSyncRuns(w io.Writer, runs []account.SyncRun) {
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
