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

type peopleVersions struct {
	Account int64 `db:"account_version"`
	Mini    int64 `db:"mini_version"`
}

type joinRow struct {
	peopleVersions
	coverageRow
}

type coverageRow struct {
	Followers         int64
	WithUnionID       int64 `db:"with_unionid"`
	MiniUsers         int64 `db:"mini_users"`
	MiniUserKnown     int64 `db:"mini_user_known"`
	Joined            int64
	FollowerConflicts int64 `db:"follower_conflicts"`
	MiniConflicts     int64 `db:"mini_conflicts"`
}

// Join brings the bridges of one account and one mini program up to date, and counts the
// coverage. Bridges that are right already are not rewritten, and when neither side has changed
// since the last join, nothing is read. On Postgres it is one transaction; on SQLite, where
// nobody else could write meanwhile, changes go in by small batches.
func (db *DB) Join(ctx context.Context, accountID, miniID int64) (changes wxcast.BridgeChanges, c wxcast.Coverage,
	err error) {
	ctx = within(ctx, unhurried)
	if db.engine == SQLite {
		changes, c, err = db.joinByBatches(ctx, accountID, miniID)
	} else {
		err = db.tx(ctx, accountID, func(tx *sqlx.Tx) (err error) {
			changes, c, err = db.joinAtOnce(ctx, tx, accountID, miniID)
			return err
		})
	}
	if err != nil {
		return changes, c, fmt.Errorf("join: %w", err)
	}
	return changes, c, nil
}

func (db *DB) joinAtOnce(ctx context.Context, tx *sqlx.Tx, accountID, miniID int64) (changes wxcast.BridgeChanges,
	c wxcast.Coverage, err error) {
	if _, err := tx.ExecContext(ctx, db.q.AddJoin, accountID, miniID); err != nil {
		return changes, c, err
	}
	if _, err := tx.ExecContext(ctx, db.q.LockJoin, accountID, miniID); err != nil {
		return changes, c, err
	}
	fresh, now, err := db.freshCoverage(ctx, tx, accountID, miniID)
	if err != nil || fresh != nil {
		if fresh != nil {
			c = wxcast.Coverage(*fresh)
		}
		return changes, c, err
	}
	var row coverageRow
	row, changes, err = db.joinFirst(ctx, tx, accountID, miniID)
	if errors.Is(err, errNotFirst) {
		row, changes, err = db.joinAgain(ctx, tx, accountID, miniID)
	}
	if err != nil {
		return changes, c, err
	}
	return changes, wxcast.Coverage(row), db.putJoin(ctx, tx, accountID, miniID, now, row)
}

// putJoin notes what a join saw and found.
func (db *DB) putJoin(ctx context.Context, tx *sqlx.Tx, accountID, miniID int64, now peopleVersions,
	row coverageRow) error {
	_, err := tx.ExecContext(ctx, db.q.PutJoin, accountID, miniID, now.Account, now.Mini, db.Now(),
		row.Followers, row.WithUnionID, row.MiniUsers, row.MiniUserKnown, row.Joined, row.FollowerConflicts,
		row.MiniConflicts)
	return err
}

// joinAgain compares the bridges with those who should have one.
func (db *DB) joinAgain(ctx context.Context, tx *sqlx.Tx, accountID, miniID int64) (row coverageRow,
	c wxcast.BridgeChanges, err error) {
	if row, err = db.makePairs(ctx, tx, accountID, miniID); err != nil {
		return row, c, err
	}
	if c, err = db.applyPairs(ctx, tx, accountID, miniID); err != nil {
		return row, c, err
	}
	if row, err = db.countCoverage(ctx, tx, accountID, miniID, row); err != nil {
		return row, c, err
	}
	_, err = tx.ExecContext(ctx, db.q.DropPairs)
	return row, c, err
}

// errNotFirst: the table is not empty, or we may not drop its key.
var errNotFirst = errors.New("no first join")

// joinFirst fills the empty table on Postgres, without its key; errNotFirst where it cannot.
func (db *DB) joinFirst(ctx context.Context, tx *sqlx.Tx, accountID, miniID int64) (row coverageRow,
	c wxcast.BridgeChanges, err error) {
	var filled bool
	if err := tx.GetContext(ctx, &filled, db.q.AnyBridge); err != nil {
		return row, c, err
	}
	if filled {
		return row, c, errNotFirst
	}
	if _, err := tx.ExecContext(ctx, "SAVEPOINT bridges_key"); err != nil {
		return row, c, err
	}
	if _, err := tx.ExecContext(ctx, db.q.DropBridgesKey); err != nil { // we are not the table's owner
		if _, err = tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT bridges_key"); err == nil {
			err = errNotFirst
		}
		return row, c, err
	}
	// Nobody else writes from here on. Somebody may have, until we had the table's lock.
	if err := tx.GetContext(ctx, &filled, db.q.AnyBridge); err != nil {
		return row, c, err
	}
	if filled {
		if _, err = tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT bridges_key"); err == nil {
			err = errNotFirst
		}
		return row, c, err
	}
	if _, err := tx.ExecContext(ctx, db.q.TuneJoin); err != nil {
		return row, c, err
	}
	if _, err := tx.ExecContext(ctx, db.q.AddFirstBridges, accountID, miniID, db.Now()); err != nil {
		return row, c, err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.ViewPairs, accountID, miniID)); err != nil {
		return row, c, err
	}
	if row, err = db.removeShared(ctx, tx); err != nil {
		return row, c, err
	}
	if _, err := tx.ExecContext(ctx, db.q.MakeBridgesKey); err != nil {
		return row, c, err
	}
	if row, err = db.countCoverage(ctx, tx, accountID, miniID, row); err != nil {
		return row, c, err
	}
	c.New = row.Joined
	_, err = tx.ExecContext(ctx, db.q.DropPairsView)
	return row, c, err
}

// applyPairs takes the wrong bridges down and makes those that lack.
func (db *DB) applyPairs(ctx context.Context, tx *sqlx.Tx, accountID, miniID int64) (c wxcast.BridgeChanges,
	err error) {
	if _, err := tx.ExecContext(ctx, db.q.IndexPairs); err != nil {
		return c, err
	}
	if err := tx.GetContext(ctx, &c.Changed, db.q.CountChanged, accountID, miniID); err != nil {
		return c, err
	}
	removed, err := tx.ExecContext(ctx, db.q.RemoveBridges, accountID, miniID)
	if err != nil {
		return c, err
	}
	added, err := tx.ExecContext(ctx, db.q.AddBridges, accountID, miniID, db.Now())
	if err != nil {
		return c, err
	}
	if c.Removed, err = removed.RowsAffected(); err != nil {
		return c, err
	}
	if c.New, err = added.RowsAffected(); err != nil {
		return c, err
	}
	c.Removed -= c.Changed // a changed bridge was taken down and made again
	c.New -= c.Changed
	return c, nil
}

// Coverage counts how far the followers can be reached in the mini program, as it
// stands.
func (db *DB) Coverage(ctx context.Context, accountID, miniID int64) (c wxcast.Coverage, err error) {
	err = db.retryTransient(within(ctx, unhurried), func(ctx context.Context) error {
		tx, err := db.staging.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // always: the pairs were for counting
		fresh, _, err := db.freshCoverage(ctx, tx, accountID, miniID)
		if err != nil || fresh != nil {
			if fresh != nil {
				c = wxcast.Coverage(*fresh)
			}
			return err
		}
		shared, err := db.makePairs(ctx, tx, accountID, miniID)
		if err != nil {
			return err
		}
		row, err := db.countCoverage(ctx, tx, accountID, miniID, shared)
		c = wxcast.Coverage(row)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("count the coverage: %w", err)
	}
	return c, nil
}

// freshCoverage returns what the last join found, or nil when the people of either
// side have changed since; and their versions now. The versions are read before the
// people, so a change in between makes the next join look again.
func (db *DB) freshCoverage(ctx context.Context, tx querier, accountID, miniID int64) (*coverageRow, peopleVersions,
	error) {
	var now peopleVersions
	if err := tx.GetContext(ctx, &now, db.q.PeopleVersions, accountID, miniID); err != nil {
		return nil, now, err
	}
	var last joinRow
	switch err := tx.GetContext(ctx, &last, db.q.GetJoin, accountID, miniID); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, now, nil
	case err != nil:
		return nil, now, err
	case last.peopleVersions != now:
		return nil, now, nil
	}
	return &last.coverageRow, now, nil
}

// makePairs makes the temporary table of those to be bridged, and counts whom
// shared unionids keep out of it.
func (db *DB) makePairs(ctx context.Context, tx querier, accountID, miniID int64) (shared coverageRow, err error) {
	if _, err := tx.ExecContext(ctx, db.q.TuneJoin); err != nil {
		return shared, err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.MakePairs, accountID, miniID)); err != nil {
		return shared, err
	}
	return db.removeShared(ctx, tx)
}

// removeShared takes out of the pairs whoever shares a unionid, and counts them.
func (db *DB) removeShared(ctx context.Context, tx querier) (shared coverageRow, err error) {
	if _, err := tx.ExecContext(ctx, db.q.MakeShared); err != nil {
		return shared, err
	}
	if err := tx.GetContext(ctx, &shared, db.q.CountShared); err != nil {
		return shared, err
	}
	if shared.MiniUserKnown > 0 {
		if _, err := tx.ExecContext(ctx, db.q.RemoveShared); err != nil {
			return shared, err
		}
	}
	_, err = tx.ExecContext(ctx, db.q.DropShared)
	return shared, err
}

// countCoverage completes the counts of makePairs.
func (db *DB) countCoverage(ctx context.Context, tx querier, accountID, miniID int64, row coverageRow) (coverageRow,
	error) {
	var followers wxcast.FollowerCounts
	if err := tx.GetContext(ctx, &followers, db.q.CountFollowers, accountID); err != nil {
		return row, err
	}
	row.Followers, row.WithUnionID = followers.Followers, followers.WithUnionID
	var pairs int64
	if err := tx.GetContext(ctx, &pairs, db.q.CountPairs); err != nil {
		return row, err
	}
	row.MiniUserKnown += pairs
	if err := tx.GetContext(ctx, &row.MiniUsers, db.q.CountMiniUsers, miniID); err != nil {
		return row, err
	}
	return row, tx.GetContext(ctx, &row.Joined, db.q.CountBridges, accountID, miniID)
}

// LastJoin is the coverage that the last join of an account and a mini program found, and
// when, UTC; zero where there was none. Nobody is counted.
func (db *DB) LastJoin(ctx context.Context, accountID, miniID int64) (wxcast.Coverage, time.Time, error) {
	var row struct {
		coverageRow
		JoinedAt time.Time `db:"joined_at"`
	}
	err := db.get(ctx, &row, db.q.LastJoin, accountID, miniID)
	if errors.Is(err, ErrNotFound) {
		return wxcast.Coverage{}, time.Time{}, nil
	}
	return wxcast.Coverage(row.coverageRow), row.JoinedAt.UTC(), err
}
