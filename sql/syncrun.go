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

type syncRunRow struct {
	ID          int64
	AccountID   int64 `db:"account_id"`
	Mode        wxcast.SyncMode
	StartedAt   time.Time `db:"started_at"`
	Pages       int
	NextOpenID  wxcast.OpenID `db:"next_openid"`
	Listed      int64
	ListedAll   bool `db:"listed_all"`
	Total       int64
	New         int64 `db:"created"`
	Updated     int64
	Unfollowed  int64
	ListCalls   int64 `db:"list_calls"`
	DetailCalls int64 `db:"detail_calls"`
	SingleCalls int64 `db:"single_calls"`
}

func (r syncRunRow) run() wxcast.SyncRun {
	r.StartedAt = r.StartedAt.UTC()
	return wxcast.SyncRun(r)
}

// OpenSyncRun continues the account's unfinished run of that mode, if it began
// within maxAge, or starts a new one. Only the holder of the account's sync lock
// may call it.
func (db *DB) OpenSyncRun(ctx context.Context, accountID int64, mode wxcast.SyncMode, maxAge time.Duration) (run wxcast.SyncRun, resumed bool, err error) {
	now := db.Now()
	var row syncRunRow
	switch err := db.get(ctx, &row, db.q.OpenSyncRun, accountID, mode, now.Add(-maxAge)); {
	case err == nil:
		return row.run(), true, nil
	case !errors.Is(err, ErrNotFound):
		return run, false, fmt.Errorf("look for an unfinished sync: %w", err)
	}
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.AbandonSyncRuns, accountID, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, db.q.DropListings, accountID); err != nil {
			return err
		}
		return tx.GetContext(ctx, &run.ID, db.q.AddSyncRun, accountID, mode, now)
	})
	if err != nil {
		return run, false, fmt.Errorf("start a sync: %w", err)
	}
	run.AccountID, run.Mode, run.StartedAt = accountID, mode, now
	return run, false, nil
}

// SyncRun returns a run as it stands.
func (db *DB) SyncRun(ctx context.Context, id int64) (wxcast.SyncRun, error) {
	var row syncRunRow
	if err := db.get(ctx, &row, db.q.GetSyncRun, id); err != nil {
		return wxcast.SyncRun{}, fmt.Errorf("look up sync run %d: %w", id, err)
	}
	return row.run(), nil
}

// StoreListingPage stores one page of openids and moves the run's checkpoint
// behind it, both or neither. page counts from 1.
func (db *DB) StoreListingPage(ctx context.Context, runID int64, page int, openids []wxcast.OpenID, next wxcast.OpenID, total int64) error {
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.AddListingPage, runID, page, jsonParam(openids)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.AdvanceSyncRun, runID, page, next, len(openids), total)
		return err
	})
	if err != nil {
		return fmt.Errorf("store page %d: %w", page, err)
	}
	return nil
}

// EndListing records that the listing is complete, and how many calls it took
// that brought no page.
func (db *DB) EndListing(ctx context.Context, runID int64, emptyCalls int) error {
	_, err := db.exec(ctx, db.q.EndListing, runID, emptyCalls)
	return err
}

// unionIDSchedule is how long after the first, second, third and every later
// answer without a unionid a follower is asked again. A unionid appears when the
// account is bound to an Open Platform account, which happens once.
var unionIDSchedule = [4]time.Duration{20 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// PageNeedsDetails returns which openids of a stored page must be asked for.
func (db *DB) PageNeedsDetails(ctx context.Context, run wxcast.SyncRun, page int) ([]wxcast.FollowerRef, error) {
	now := db.Now()
	args := []any{run.AccountID, run.ID, page}
	for _, after := range unionIDSchedule {
		args = append(args, now.Add(-after))
	}
	var readBefore sql.NullTime
	if run.Mode == wxcast.SyncFull {
		readBefore = nullTime(run.StartedAt)
	}
	var rows []struct {
		OpenID wxcast.OpenID `db:"openid"`
		Known  bool
	}
	if err := db.list(ctx, &rows, db.q.PageNeedsDetails, append(args, readBefore)...); err != nil {
		return nil, fmt.Errorf("look for details to fetch: %w", err)
	}
	refs := make([]wxcast.FollowerRef, len(rows))
	for i, r := range rows {
		refs[i] = wxcast.FollowerRef{OpenID: r.OpenID, Known: r.Known}
	}
	return refs, nil
}

// StoreFollowers writes a batch of current followers (each openid once) and of
// those who turned out to have left, and counts them in the run; all or nothing.
func (db *DB) StoreFollowers(ctx context.Context, run wxcast.SyncRun, followers []wxcast.Follower, gone []wxcast.OpenID, p wxcast.SyncProgress) (unfollowed int64, err error) {
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		now := db.Now()
		if len(followers) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.UpsertFollowers, run.AccountID, now, jsonParam(followerRows(followers))); err != nil {
				return err
			}
		}
		unfollowed = 0
		if len(gone) > 0 {
			res, err := tx.ExecContext(ctx, db.q.Unfollow, run.AccountID, now, jsonParam(gone))
			if err != nil {
				return err
			}
			if unfollowed, err = res.RowsAffected(); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, db.q.CountSyncRun, run.ID, p.New, p.Updated, unfollowed, p.DetailCalls, p.SingleCalls)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("store followers: %w", err)
	}
	return unfollowed, nil
}

// CountMissing counts the stored current followers, and those of them that the
// run's complete listing lacks.
func (db *DB) CountMissing(ctx context.Context, run wxcast.SyncRun) (stored, missing int64, err error) {
	var row struct{ Stored, Missing int64 }
	if err := db.get(ctx, &row, db.q.CountMissing, run.AccountID, run.ID); err != nil {
		return 0, 0, fmt.Errorf("compare the listing: %w", err)
	}
	return row.Stored, row.Missing, nil
}

// ListMissing pages through the followers that CountMissing counts, in openid
// order behind after.
func (db *DB) ListMissing(ctx context.Context, run wxcast.SyncRun, after wxcast.OpenID, limit int) (openids []wxcast.OpenID, err error) {
	if err := db.list(ctx, &openids, db.q.ListMissing, run.AccountID, run.ID, after, limit); err != nil {
		return nil, fmt.Errorf("list the missing: %w", err)
	}
	return openids, nil
}

// FinishSyncRun closes a run and forgets its listing. outcome is "done" or the
// sentence that says why it stopped for good.
func (db *DB) FinishSyncRun(ctx context.Context, run wxcast.SyncRun, outcome string) error {
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.FinishSyncRun, run.ID, db.Now(), outcome); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.DropListings, run.AccountID)
		return err
	})
	if err != nil {
		return fmt.Errorf("finish sync run %d: %w", run.ID, err)
	}
	return nil
}
