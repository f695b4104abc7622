package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Login stores a mini user who has just logged in, and bridges them to the follower of
// the account with their unionid at once; bridged tells whether there is one.
func (db *DB) Login(ctx context.Context, accountID, miniID int64, user wxcast.MiniUser) (bridged bool, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		now := db.Now()
		changed, err := execRows(ctx, tx, db.q.PutMiniUser, miniID, user.MiniOpenID, user.UnionID, now)
		if err != nil {
			return err
		}
		if changed > 0 {
			if _, err := tx.ExecContext(ctx, db.q.BumpPeople, miniID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, db.q.BridgeOne, accountID, miniID, user.MiniOpenID, user.UnionID,
			now); err != nil {
			return err
		}
		return tx.GetContext(ctx, &bridged, db.q.IsBridged, accountID, miniID, user.MiniOpenID, user.UnionID)
	})
	if err != nil {
		return false, fmt.Errorf("store a login: %w", err)
	}
	return bridged, nil
}
