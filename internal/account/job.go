package account

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/jobs"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	followersync "github.com/wxcast/wxcast/sync"
)

// The names of the jobs that wxcast serve runs.
const (
	jobSync         = "sync"
	jobReport       = "report"
	jobQuota        = "quota"
	jobHousekeeping = "housekeeping"
)

// jobRunsShown is how many runs are listed.
const jobRunsShown = 20

// Jobs are what wxcast serve runs by the clock, and how it went.
type Jobs struct {
	Jobs []Job           `json:"jobs"`
	Runs []wxcast.JobRun `json:"runs"` // the latest first
}

// Job is a job, when it comes next, and how it went last.
type Job struct {
	Job      string         `json:"job"`
	Schedule string         `json:"schedule"`
	Next     time.Time      `json:"next,omitzero"` // UTC
	Last     *wxcast.JobRun `json:"last,omitempty"`
}

// Jobs are the account's, and how they went.
func (a *Account) Jobs(ctx context.Context) (Jobs, error) {
	runs, err := a.db.JobRuns(ctx, a.ID, jobRunsShown)
	if err != nil {
		return Jobs{}, err
	}
	for i := range runs {
		if o := runs[i].Outcome; o == wxcast.JobFailed || o == wxcast.JobSkipped {
			runs[i].Why = wxcast.Stored(runs[i].Detail)
			runs[i].Detail = text.English.Say(runs[i].Why)
		}
	}
	all := Jobs{Runs: runs}
	for _, job := range a.Schedule() {
		one := Job{Job: job.Name, Schedule: job.Schedule.String(), Next: job.Schedule.Next(a.db.Now()).UTC()}
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

// machine is the name of the one that a job runs on.
func machine() string {
	name, _ := os.Hostname() // "" where it has none
	return name
}

// StartJob runs a job now, in this process of wxcast serve. Audited.
func (a *Account) StartJob(ctx context.Context, name string) error {
	return auditedOnly(ctx, a, "start-job", name, func(*entry) error {
		if a.startJob == nil || !a.startJob(name) {
			return notFound("job.none", "account", a.Name(), "job", name)
		}
		return nil
	})
}

// Schedule is the account's jobs. What they did is kept as JSON.
func (a *Account) Schedule() []jobs.Job {
	var all []jobs.Job
	add := func(name, at string, run func(context.Context) (any, error)) {
		schedule, err := jobs.ParseSchedule(at)
		if err != nil {
			panic(err) // it was checked with the configuration
		}
		all = append(all, jobs.Job{AccountID: a.ID, Name: name, Schedule: schedule,
			Run: func(ctx context.Context) (string, error) {
				did, err := a.alerting(name, run)(As(ctx, "job "+name, machine()))
				if err != nil {
					return "", err
				}
				detail, err := json.Marshal(did)
				return string(detail), err
			}})
	}
	if a.client != nil {
		add(jobSync, a.cfg.Serve.SyncAt, a.syncAndJoin)
		add(jobReport, a.cfg.Serve.ReportAt, a.reportYesterday)
		add(jobQuota, a.cfg.Serve.QuotaAt, a.watchQuota)
	}
	add(jobHousekeeping, a.cfg.Serve.HousekeepingAt, func(ctx context.Context) (any, error) {
		removed, err := a.keepHouse(ctx)
		return map[string]int64{"removed": removed}, err
	})
	return all
}

// keepHouse removes what is older than it is to be kept, and returns how many rows.
func (a *Account) keepHouse(ctx context.Context) (removed int64, err error) {
	by := ctx.Value(actorKey{}).(asked) // those who keep house say who they are
	if removed, err = a.db.KeepHouse(ctx, a.ID, a.cfg.Retention); err != nil {
		return removed, err
	}
	sessions, err := a.db.DropOldUserSessions(ctx, a.cfg.Console.SessionIdle)
	if removed += sessions; err != nil {
		return removed, err
	}
	entries, err := a.db.TrimAudit(ctx, a.ID, a.cfg.Retention.Audit, func(to int64) error {
		_, err := a.write(ctx, wxcast.AuditEntry{Actor: by.actor, Origin: by.origin, Action: wxcast.AuditTrimmed,
			Target: strconv.FormatInt(to, 10), Outcome: "done"})
		return err
	})
	return removed + entries, err
}

// syncAndJoin is the nightly job.
func (a *Account) syncAndJoin(ctx context.Context) (any, error) {
	var did struct {
		Sync followersync.Summary `json:"sync"`
		Join []bridge.JoinSummary `json:"join"`
	}
	var err error
	if did.Sync, err = a.Sync(ctx, wxcast.SyncIncremental, false, nil); err != nil {
		return nil, err
	}
	for _, m := range a.Config.MiniPrograms {
		joined, err := a.Join(ctx, m.AppID)
		if err != nil {
			return nil, err
		}
		did.Join = append(did.Join, joined)
	}
	return did, nil
}

// reportYesterday is the morning job.
func (a *Account) reportYesterday(ctx context.Context) (any, error) {
	r, err := a.Report(ctx, wxcast.DayOf(a.db.Now().Add(-24*time.Hour)))
	if err != nil {
		return nil, err
	}
	return r, a.tellReport(ctx, r)
}
