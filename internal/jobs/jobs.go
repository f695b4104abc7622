package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// lease is how long a run is its worker's without a sign of life.
	lease = 30 * time.Second
	// look is how often the clock is looked at: it may be set, and a machine may sleep.
	look = 5 * time.Second
	// CatchUp is how late a run may begin that was due while no process was there.
	CatchUp = 12 * time.Hour
)

// Job is something that comes round by the clock.
type Job struct {
	AccountID int64
	Name      string // such as "sync"
	Schedule  Schedule
	// Run does it once. What it did, or how it failed, stands in the list of runs.
	Run func(ctx context.Context) (detail string, err error)
}

// Store gives each run to one process.
type Store interface {
	Now() time.Time
	ClaimJob(ctx context.Context, turn wxcast.JobTurn, worker string, ttl time.Duration) (int64, wxcast.JobClaim, error)
	RenewJob(ctx context.Context, id int64, worker string, ttl time.Duration) (bool, error)
	FinishJob(ctx context.Context, id int64, worker string, outcome wxcast.JobOutcome, detail string) error
}

// Runner runs jobs until it is told to stop.
type Runner struct {
	Store  Store
	Worker string // unique to this process
	Log    *slog.Logger
	// Ended is told of each run of this process; nil tells nobody.
	Ended func(job Job, outcome wxcast.JobOutcome)
	jobs  []keptJob
}

type keptJob struct {
	Job
	asked chan struct{} // somebody wants it now
}

// Add adds jobs, before Run.
func (r *Runner) Add(jobs ...Job) {
	for _, job := range jobs {
		r.jobs = append(r.jobs, keptJob{job, make(chan struct{}, 1)})
	}
}

// Start asks for a run of an account's job now, or when the run that is at work in this
// process has ended; false means that there is no such job.
func (r *Runner) Start(accountID int64, name string) bool {
	for _, job := range r.jobs {
		if job.AccountID == accountID && job.Name == name {
			select {
			case job.asked <- struct{}{}:
			default: // it is asked for already
			}
			return true
		}
	}
	return false
}

// Run runs the jobs when they are due, until ctx ends; then those at work are given up
// to the next process.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, job := range r.jobs {
		all.Go(func() { r.keep(ctx, job) })
	}
	all.Wait()
}

// keep runs one job whenever it is due.
func (r *Runner) keep(ctx context.Context, job keptJob) {
	from := r.Store.Now().Add(-CatchUp)
	for {
		if due := job.Schedule.Last(from, r.Store.Now()); !due.IsZero() {
			if r.once(ctx, job.Job, due) {
				from = due
			}
		}
		wait := look
		if next := job.Schedule.Next(r.Store.Now()); !next.IsZero() {
			wait = min(wait, max(next.Sub(r.Store.Now()), 10*time.Millisecond))
		}
		select {
		case <-ctx.Done():
			return
		case <-job.asked:
			r.once(ctx, job.Job, r.Store.Now())
		case <-time.After(wait):
		}
	}
}

// errLost is the cause of the end of a run that another process has taken over.
var errLost = errors.New("the run was taken over by another process")

// once runs a job for a time at which it was due, if that is this process's to do; over
// tells that nobody has to do it any more.
func (r *Runner) once(ctx context.Context, job Job, due time.Time) (over bool) {
	over, err := r.try(ctx, job, due)
	if err != nil && ctx.Err() == nil {
		r.Log.ErrorContext(ctx, "job not run", "job", job.Name, "account_id", job.AccountID, "err", err)
	}
	return over
}

func (r *Runner) try(ctx context.Context, job Job, due time.Time) (over bool, err error) {
	id, claim, err := r.Store.ClaimJob(ctx, wxcast.JobTurn{AccountID: job.AccountID, Job: job.Name, Due: due}, r.Worker,
		lease)
	if err != nil || claim != wxcast.JobClaimed {
		return claim == wxcast.JobOver && err == nil, err
	}
	log := r.Log.With("job", job.Name, "account_id", job.AccountID, "due",
		due.In(wxcast.Beijing).Format("2006-01-02 15:04"))
	log.InfoContext(ctx, "job begins")
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go r.renew(working, id, stop)
	started := time.Now()
	detail, runErr := job.Run(working)
	switch {
	case errors.Is(context.Cause(working), errLost):
		return false, errLost
	case ctx.Err() != nil: // we are stopping: another process goes on with it
		_, err := r.Store.RenewJob(context.WithoutCancel(ctx), id, r.Worker, 0)
		return false, err
	case runErr != nil:
		log.ErrorContext(ctx, "job failed", "err", runErr)
		return true, r.finish(ctx, id, job, wxcast.JobFailed, why(runErr))
	}
	log.InfoContext(ctx, "job done", "seconds", fmt.Sprintf("%.1f", time.Since(started).Seconds()))
	return true, r.finish(ctx, id, job, wxcast.JobDone, detail)
}

// why is how an error is kept, so that it can be said in any language later.
func why(err error) string {
	var said wxcast.Said
	if errors.As(err, &said) {
		if kept, err := said.Sentence().Value(); err == nil {
			return kept.(string)
		}
	}
	return err.Error()
}

func (r *Runner) finish(ctx context.Context, id int64, job Job, outcome wxcast.JobOutcome, detail string) error {
	if r.Ended != nil {
		r.Ended(job, outcome)
	}
	return r.Store.FinishJob(ctx, id, r.Worker, outcome, detail)
}

// renew keeps a run this process's, and stops it when it no longer is.
func (r *Runner) renew(ctx context.Context, id int64, stop context.CancelCauseFunc) {
	tick := time.NewTicker(lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if ours, err := r.Store.RenewJob(ctx, id, r.Worker, lease); err == nil && !ours {
			stop(errLost)
		}
	}
}
