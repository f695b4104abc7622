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
	rows := [][]string{a.heads("job", "schedule", "next_beijing", "last")}
	for _, j := range r.Jobs {
		last := a.lang.T("jobs.none_yet")
		if j.Last != nil {
			last = a.jobOutcome(*j.Last) + ", " + a.minute(j.Last.StartedAt)
		}
		rows = append(rows, []string{j.Job, j.Schedule, a.minute(j.Next), last})
	}
	table.Write(w, "", rows...)
	if len(r.Runs) == 0 {
		return
	}
	fmt.Fprintln(w, "\n"+a.lang.T("jobs.runs"))
	rows = [][]string{a.heads("due", "job", "outcome", "seconds", "by")}
	rows[0][0] = "  " + rows[0][0]
	for _, run := range r.Runs {
		took := ""
		if !run.FinishedAt.IsZero() {
			took = fmt.Sprintf("%.1f", run.FinishedAt.Sub(run.StartedAt).Seconds())
		}
		rows = append(rows, []string{"  " + a.minute(run.DueAt), run.Job, a.jobOutcome(run), took, run.Worker})
	}
	table.Write(w, "", rows...)
	for _, run := range r.Runs {
		if run.Outcome == wxcast.JobFailed || run.Outcome == wxcast.JobSkipped {
			fmt.Fprintln(w, "  "+a.lang.T("jobs.run", "job", run.Job, "at", run.DueAt, "detail", run.Why))
		}
	}
}

func (a *app) jobOutcome(run wxcast.JobRun) string {
	if run.Outcome == wxcast.JobAtWork {
		return a.lang.T("jobs.at_work")
	}
	return a.lang.T("jobs." + string(run.Outcome))
}
