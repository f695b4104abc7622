package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// RenewLeases extends all leases of a worker and returns them. One that is not
// among them has been dissolved: its deliveries are due again, for anyone.
func (db *DB) RenewLeases(ctx context.Context, worker string, ttl time.Duration) (renewed []int64, err error) {
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		renewed = renewed[:0]
		return tx.SelectContext(ctx, &renewed, db.q.RenewLeases, worker, db.Now().Add(ttl))
	})
	return renewed, err
}

// dueRow is when a delivery's lost attempt began, for schedule-deliveries.
type dueRow struct {
	OpenID    wxcast.OpenID `json:"openid"`
	OpenSince *string       `json:"open_since"`
}

// GiveBack returns deliveries that a worker claimed and did not attempt, with
// the quota that was reserved for them. They are due at once.
func (db *DB) GiveBack(ctx context.Context, b wxcast.Broadcast, claimedOn wxcast.Day, deliveries []wxcast.Delivery) error {
	rows := make([]dueRow, len(deliveries))
	for i, d := range deliveries {
		rows[i] = dueRow{d.OpenID, jsonTime(d.OpenSince)}
	}
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.ScheduleDeliveries, b.ID, db.Now(), jsonParam(rows)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.AddQuota, b.AccountID, TemplateSendAPI, claimedOn, -len(rows))
		return err
	})
	if err != nil {
		return fmt.Errorf("give back %d deliveries: %w", len(rows), err)
	}
	return nil
}
