package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// jobLine is a job, when it comes next, and how it went last.
type jobLine struct {
	Job      string         `json:"job"`
	Schedule string         `json:"schedule"`
	Next     time.Time      `json:"next,omitzero"`
	Last     *wxcast.JobRun `json:"last,omitempty"`
}

type jobsResult struct {
	Jobs []jobLine       `json:"jobs"`
	Runs []wxcast.JobRun `json:"runs"`
}

// jobRunsShown is how many runs are listed.
const jobRunsShown = 20

func (a *app) jobsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "jobs",
		Short:   "Show what wxcast serve runs by the clock, and how it went",
		Long:    "Show the jobs of the account that wxcast serve runs by the clock: when each comes next,\nand their last runs.",
		Example: "  wxcast jobs\n  wxcast jobs --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			runs, err := s.db.JobRuns(cmd.Context(), s.accountID, jobRunsShown)
			if err != nil {
				return err
			}
			result := jobsResult{Runs: runs}
			for _, job := range s.jobs() {
				line := jobLine{Job: job.Name, Schedule: job.Schedule.String(), Next: job.Schedule.Next(s.db.Now()).UTC()}
				for _, run := range runs {
					if run.Job == job.Name {
						line.Last = &run
						break
					}
				}
				result.Jobs = append(result.Jobs, line)
			}
			return a.print(result, func(w io.Writer) { writeJobs(w, result) })
		},
	}
}

func writeJobs(w io.Writer, r jobsResult) {
	beijing := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.In(wxcast.Beijing).Format("2006-01-02 15:04")
	}
	rows := [][]string{{"JOB", "SCHEDULE", "NEXT (BEIJING)", "LAST"}}
	for _, j := range r.Jobs {
		last := "none yet"
		if j.Last != nil {
			last = jobOutcome(*j.Last) + ", " + beijing(j.Last.StartedAt)
		}
		rows = append(rows, []string{j.Job, j.Schedule, beijing(j.Next), last})
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
		rows = append(rows, []string{"  " + beijing(run.DueAt), run.Job, jobOutcome(run), took, run.Worker})
	}
	table.Write(w, "", rows...)
	for _, run := range r.Runs {
		if run.Outcome == wxcast.JobFailed || run.Outcome == wxcast.JobSkipped {
			fmt.Fprintf(w, "  %s of %s: %s\n", run.Job, beijing(run.DueAt), run.Detail)
		}
	}
}

func jobOutcome(run wxcast.JobRun) string {
	if run.Outcome == wxcast.JobAtWork {
		return "at work"
	}
	return string(run.Outcome)
}
