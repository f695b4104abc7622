package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Join brings the bridges of one account and one mini program up to date, in
// one transaction; rows that are right already are not rewritten.
func (db *DB) Join(ctx context.Context, accountID, miniID int64) (c wxcast.BridgeChanges, err error) {
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		now := db.Now()
		for _, step := range []struct {
			query string
			args  []any
			rows  *int64
		}{
			{db.q.RemoveBridges, []any{accountID, miniID}, &c.Removed},
			{db.q.ChangeBridges, []any{accountID, miniID, now}, &c.Changed},
			{db.q.AddBridges, []any{accountID, miniID, now}, &c.New},
		} {
			res, err := tx.ExecContext(ctx, step.query, step.args...)
			if err != nil {
				return err
			}
			if *step.rows, err = res.RowsAffected(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return c, fmt.Errorf("join: %w", err)
	}
	return c, nil
}

// CountBridges counts the followers that are joined to a user of the mini program.
func (db *DB) CountBridges(ctx context.Context, accountID, miniID int64) (n int64, err error) {
	if err := db.get(ctx, &n, db.q.CountBridges, accountID, miniID); err != nil {
		return 0, fmt.Errorf("count bridges: %w", err)
	}
	return n, nil
}

// UnionIDConflicts counts the unionids that stand on several followers of the
// account, and on several users of the mini program. Nobody is bridged by those.
func (db *DB) UnionIDConflicts(ctx context.Context, accountID, miniID int64) (followers, miniUsers int64, err error) {
	var row struct {
		Followers int64
		MiniUsers int64 `db:"mini_users"`
	}
	if err := db.get(ctx, &row, db.q.UnionIDConflicts, accountID, miniID); err != nil {
		return 0, 0, fmt.Errorf("count unionid conflicts: %w", err)
	}
	return row.Followers, row.MiniUsers, nil
}
