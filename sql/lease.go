package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// RenewLeases extends leases that an account's worker holds, and returns those that it
// still had. One that is not among them has been dissolved: its deliveries are due again,
// for anyone. A lease that nobody holds, of a claim whose answer was lost, is not kept alive.
func (db *DB) RenewLeases(ctx context.Context, accountID int64, worker string, held []int64,
	ttl time.Duration) (renewed []int64, err error) {
	ctx = within(ctx, hurried)
	err = db.retryTransient(ctx, func(ctx context.Context) error {
		renewed = renewed[:0]
		return db.write.SelectContext(ctx, &renewed, db.q.RenewLeases, accountID, worker, jsonParam(held),
			db.fromNow(ttl))
	})
	return renewed, err
}

// dueRow is when a delivery's lost attempt began, for schedule-deliveries.
type dueRow struct {
	wxcast.DeliveryKey
	OpenSince *string `json:"open_since"`
	Keeps     bool    `json:"keeps,omitempty"` // what is noted there meanwhile stays
}

// GiveBack returns what a claim holds and nobody attempted, with the quota that was
// reserved for it, but for what WeChat was called for. It is due at once. What is no longer the
// worker's is left alone: it is due for others, or being sent by them.
func (db *DB) GiveBack(ctx context.Context, b wxcast.Broadcast, c wxcast.Claim) error {
	ctx = within(ctx, hurried)
	notNoted := make(map[wxcast.DeliveryKey]bool, len(c.NotNoted))
	for _, key := range c.NotNoted {
		notNoted[key] = true
	}
	err := db.tx(ctx, b.AccountID, func(tx *sqlx.Tx) error {
		var back []dueRow
		if len(c.Fresh) > 0 {
			ours, err := execRows(ctx, tx, db.q.HoldLease, b.AccountID, c.LeaseID)
			if err != nil {
				return err
			}
			if ours == 1 {
				back = appendDue(back, c.Fresh, notNoted)
			}
		}
		now, err := db.nowIn(ctx, tx)
		if err != nil {
			return err
		}
		if now.Before(c.RetriesUntil) {
			back = appendDue(back, c.Retries, notNoted)
		}
		if len(back) == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, db.q.ScheduleDeliveries, b.AccountID, b.ID, now,
			jsonParam(back)); err != nil {
			return err
		}
		called := min(c.Called, len(back))
		unused := len(back) - called
		if _, err := tx.ExecContext(ctx, db.q.AddQuota, c.Lane.AppID, c.Lane.API, c.Day, -unused,
			-min(unused, messagesAmong(back))); err != nil || called == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, db.q.CountCalls, c.Lane.AppID, c.Lane.API, c.Day, called)
		return err
	})
	if err != nil {
		return fmt.Errorf("give back %d deliveries: %w", len(c.Fresh)+len(c.Retries), err)
	}
	return nil
}

func appendDue(rows []dueRow, deliveries []wxcast.Delivery, notNoted map[wxcast.DeliveryKey]bool) []dueRow {
	for _, d := range deliveries {
		rows = append(rows, dueRow{d.Key(), jsonTime(d.OpenSince), notNoted[d.Key()]})
	}
	return rows
}

// messagesAmong is how many of some deliveries are single messages.
func messagesAmong(rows []dueRow) (n int) {
	for _, r := range rows {
		if r.Message != 0 {
			n++
		}
	}
	return n
}
