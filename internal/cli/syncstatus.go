package cli

import (
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
		Example: "  wxcast sync status\n  wxcast sync status --last 30 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if last < 1 || last > 1000 {
				return outside("last", last, 1, 1000)
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
			return a.print(result, func(w io.Writer) { a.writeSyncRuns(w, runs) })
		},
	}
	cmd.Flags().IntVar(&last, "last", 10, "")
	return cmd
}

func (a *app) writeSyncRuns(w io.Writer, runs []account.SyncRun) {
	if len(runs) == 0 {
		a.line(w, "sync.none")
		return
	}
	rows := [][]string{a.heads("started_beijing", "mode", "listed", "new", "updated", "unfollowed", "calls", "took",
		"outcome")}
	for _, r := range runs {
		rows = append(rows, []string{
			r.StartedAt.In(wxcast.Beijing).Format("2006-01-02 15:04:05"), a.lang.T("sync." + string(r.Mode)),
			count(r.Listed), count(r.New), count(r.Updated), count(r.Unfollowed),
			count(r.APICalls["user/get"] + r.APICalls["user/info/batchget"] + r.APICalls["user/info"]),
			time.Duration(r.Seconds * float64(time.Second)).Round(time.Second).String(), a.lang.Say(syncOutcome(r)),
		})
	}
	table.Write(w, "", rows...)
}

// syncOutcome is how a sync ended, as a sentence.
func syncOutcome(r account.SyncRun) wxcast.Sentence {
	switch outcome := r.Outcome; outcome {
	case "done", "abandoned", "unfinished":
		return wxcast.Say("sync." + outcome)
	}
	return r.Why
}
