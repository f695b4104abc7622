package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// jobRunsShown is how many runs are listed.
const jobRunsShown = 20

func (a *app) jobsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "jobs",
		Short:   "Show what wxcast serve runs by the clock, and how it went",
		Long:    "Show the jobs of the account that wxcast serve runs by the clock: when each comes next,\nand their last runs.",
		Example: "  wxcast jobs\n  wxcast jobs --json",
		Args:    cobra.NoArgs,
		RunE: a.withSession(func(ctx context.Context, s *session, _ []string) error {
			result, err := s.Jobs(ctx)
			if err != nil {
				return err
			}
			return a.print(result, func(w io.Writer) { writeJobs(w, result) })
		}),
	}
}

// Jobs are the account's, and how they went.
func (s *session) Jobs(ctx context.Context) (api.Jobs, error) {
	runs, err := s.db.JobRuns(ctx, s.accountID, jobRunsShown)
	if err != nil {
		return api.Jobs{}, err
	}
	all := api.Jobs{Runs: runs}
	for _, job := range s.jobs() {
		one := api.Job{Job: job.Name, Schedule: job.Schedule.String(), Next: job.Schedule.Next(s.db.Now()).UTC()}
		for _, run := range runs {
			if run.Job == job.Name {
				one.Last = &run
				break
			}
		}
		all.Jobs = append(all.Jobs, one)
	}
	return all, nil
}

func writeJobs(w io.Writer, r api.Jobs) {
	rows := [][]string{{"JOB", "SCHEDULE", "NEXT (BEIJING)", "LAST"}}
	for _, j := range r.Jobs {
		last := "none yet"
		if j.Last != nil {
			last = jobOutcome(*j.Last) + ", " + beijingMinute(j.Last.StartedAt)
		}
		rows = append(rows, []string{j.Job, j.Schedule, beijingMinute(j.Next), last})
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
		rows = append(rows, []string{"  " + beijingMinute(run.DueAt), run.Job, jobOutcome(run), took, run.Worker})
	}
	table.Write(w, "", rows...)
	for _, run := range r.Runs {
		if run.Outcome == wxcast.JobFailed || run.Outcome == wxcast.JobSkipped {
			fmt.Fprintf(w, "  %s of %s: %s\n", run.Job, beijingMinute(run.DueAt), run.Detail)
		}
	}
}

func jobOutcome(run wxcast.JobRun) string {
	if run.Outcome == wxcast.JobAtWork {
		return "at work"
	}
	return string(run.Outcome)
}
