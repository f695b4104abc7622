package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// AddOptOuts puts people on the account's opt-out list, by openid, unionid or mini_openid.
// added counts those who were not on it; unknown are ids that are no follower's yet: they
// are on it, too, and count when somebody with such an id follows.
func (db *DB) AddOptOuts(ctx context.Context, accountID int64, ids []string, source string) (added int64,
	unknown []string, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		unknown = unknown[:0]
		if err := tx.SelectContext(ctx, &unknown, db.q.UnknownIDs, accountID, jsonParam(ids)); err != nil {
			return err
		}
		added, err = execRows(ctx, tx, db.q.AddOptOuts, accountID, db.Now(), source, jsonParam(ids))
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("add to the opt-out list: %w", err)
	}
	return added, unknown, nil
}

// RemoveOptOuts takes people off the opt-out list, by openid or unionid.
func (db *DB) RemoveOptOuts(ctx context.Context, accountID int64, ids []string) (removed int64, err error) {
	removed, err = db.execOnce(ctx, accountID, db.q.RemoveOptOuts, accountID, jsonParam(ids))
	if err != nil {
		return 0, fmt.Errorf("remove from the opt-out list: %w", err)
	}
	return removed, nil
}

// OptOuts pages through the opt-out list in the order of the ids behind after.
func (db *DB) OptOuts(ctx context.Context, accountID int64, after string, limit int) ([]wxcast.OptOut, error) {
	var rows []struct {
		ID     string
		Since  time.Time
		Source string
	}
	if err := db.list(ctx, &rows, db.q.ListOptOuts, accountID, after, limit); err != nil {
		return nil, fmt.Errorf("read the opt-out list: %w", err)
	}
	all := make([]wxcast.OptOut, len(rows))
	for i, r := range rows {
		all[i] = wxcast.OptOut{ID: r.ID, Since: r.Since.UTC(), Source: r.Source}
	}
	return all, nil
}
