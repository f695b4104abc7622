package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) jobsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "jobs",
		Short:   "Show what wxcast serve runs by the clock, and how it went",
		Long:    "Show the jobs of the account that wxcast serve runs by the clock: when each comes next,\nand their last runs.",
		Example: "  wxcast jobs\n  wxcast jobs --json",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			result, err := of.Jobs(ctx)
			if err != nil {
				return err
			}
			return a.print(result, func(w io.Writer) { a.writeJobs(w, result) })
		}),
	}
}

func (a *app) writeJobs(w io.Writer, r account.Jobs) {
	rows := [][]string{{"JOB", "SCHEDULE", "NEXT (BEIJING)", "LAST"}}
	for _, j := range r.Jobs {
		last := "none yet"
		if j.Last != nil {
			last = jobOutcome(*j.Last) + ", " + a.minute(j.Last.StartedAt)
		}
		rows = append(rows, []string{j.Job, j.Schedule, a.minute(j.Next), last})
	}
	table.Write(w, "", rows...)
	if len(r.Runs) == 0 {
		return
	}
	fmt.Fprintln(w, "\nRuns")
	rows = [][]string{{"  DUE", "JOB", "OUTCOME", "SECONDS", "BY"}}
	for _, run := range r.Runs {
		took := ""
		if !run.FinishedAt.IsZero() {
			took = fmt.Sprintf("%.1f", run.FinishedAt.Sub(run.StartedAt).Seconds())
		}
		rows = append(rows, []string{"  " + a.minute(run.DueAt), run.Job, jobOutcome(run), took, run.Worker})
	}
	table.Write(w, "", rows...)
	for _, run := range r.Runs {
		if run.Outcome == wxcast.JobFailed || run.Outcome == wxcast.JobSkipped {
			fmt.Fprintf(w, "  %s of %s: %s\n", run.Job, a.minute(run.DueAt), run.Detail)
		}
	}
}

func jobOutcome(run wxcast.JobRun) string {
	if run.Outcome == wxcast.JobAtWork {
		return "at work"
	}
	return string(run.Outcome)
}
