package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// ClaimJob asks for the run of a job that was due at a time, for the worker and for ttl.
// One of all processes gets it; when that one dies, the next that asks. While another
// run of the job is at work, this one is skipped for good.
func (db *DB) ClaimJob(ctx context.Context, turn wxcast.JobTurn, worker string, ttl time.Duration) (id int64,
	claim wxcast.JobClaim, err error) {
	ctx = within(ctx, hurried)
	accountID, job, due := turn.AccountID, turn.Job, turn.Due.UTC()
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		var locked int64
		if err := tx.GetContext(ctx, &locked, db.q.LockAccount, accountID); err != nil {
			return err
		}
		now := db.Now()
		var found struct {
			ID          int64
			Over        bool
			LeasedUntil time.Time `db:"leased_until"`
		}
		err := tx.GetContext(ctx, &found, db.q.FindJobRun, accountID, job, due)
		switch {
		case err == nil && found.Over:
			claim = wxcast.JobOver
			return nil
		case err == nil && !found.LeasedUntil.Before(now):
			claim = wxcast.JobTaken
			return nil
		case err == nil:
			id, claim = found.ID, wxcast.JobClaimed
			_, err := tx.ExecContext(ctx, db.q.TakeOverJobRun, id, worker, now.Add(ttl))
			return err
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		var other time.Time
		outcome, detail, finishedAt := wxcast.JobAtWork, "", time.Time{}
		switch err := tx.GetContext(ctx, &other, db.q.JobAtWork, accountID, job, now); {
		case err == nil:
			claim, outcome, finishedAt = wxcast.JobOver, wxcast.JobSkipped, now
			detail = wxcast.Say("jobs.still_at_work", "due", other).Kept()
		case errors.Is(err, sql.ErrNoRows):
			claim = wxcast.JobClaimed
			if err := db.endInterrupted(ctx, tx, turn); err != nil {
				return err
			}
		default:
			return err
		}
		return tx.GetContext(ctx, &id, db.q.AddJobRun, accountID, job, due, worker, now, now.Add(ttl),
			nullTime(finishedAt), outcome, detail)
	})
	if err != nil {
		return 0, claim, fmt.Errorf("claim job %s: %w", job, err)
	}
	return id, claim, nil
}

// endInterrupted ends the earlier runs that no worker has any more: this one does their
// work, and without an end they would be shown as at work for ever.
func (db *DB) endInterrupted(ctx context.Context, tx *sqlx.Tx, turn wxcast.JobTurn) error {
	detail := wxcast.Say("jobs.interrupted", "due", turn.Due.UTC()).Kept()
	_, err := tx.ExecContext(ctx, db.q.EndInterruptedJobRuns, turn.AccountID, turn.Job, db.Now(), wxcast.JobFailed,
		detail)
	return err
}

// RenewJob extends a worker's run; false means that another has taken it over. A ttl of
// 0 gives it up to the next that asks.
func (db *DB) RenewJob(ctx context.Context, id int64, worker string, ttl time.Duration) (bool, error) {
	ctx = within(ctx, hurried)
	rows, err := db.exec(ctx, db.q.RenewJobRun, id, worker, db.Now().Add(ttl))
	return rows == 1, err
}

// FinishJob ends a worker's run.
func (db *DB) FinishJob(ctx context.Context, id int64, worker string, outcome wxcast.JobOutcome, detail string) error {
	ctx = within(ctx, hurried)
	if _, err := db.exec(ctx, db.q.FinishJobRun, id, worker, db.Now(), outcome, detail); err != nil {
		return fmt.Errorf("finish job run %d: %w", id, err)
	}
	return nil
}

// JobRuns returns an account's last runs, the latest first.
func (db *DB) JobRuns(ctx context.Context, accountID int64, limit int) ([]wxcast.JobRun, error) {
	var rows []struct {
		wxcast.JobRun
		AccountID  int64        `db:"account_id"`
		DueAt      time.Time    `db:"due_at"`
		StartedAt  time.Time    `db:"started_at"`
		FinishedAt sql.NullTime `db:"finished_at"`
	}
	if err := db.list(ctx, &rows, db.q.ListJobRuns, accountID, limit); err != nil {
		return nil, fmt.Errorf("list job runs: %w", err)
	}
	runs := make([]wxcast.JobRun, len(rows))
	for i, r := range rows {
		runs[i] = r.JobRun
		runs[i].AccountID, runs[i].DueAt, runs[i].StartedAt, runs[i].FinishedAt = r.AccountID, r.DueAt.UTC(), r.StartedAt.UTC(), utc(r.FinishedAt)
	}
	return runs, nil
}
