package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type outcomeRow struct {
	OpenID        wxcast.OpenID        `json:"openid"`
	State         wxcast.DeliveryState `json:"state"`
	ErrCode       int                  `json:"errcode,omitempty"`
	ErrMsg        string               `json:"errmsg,omitempty"`
	MsgID         int64                `json:"msgid,omitempty"`
	AttemptedAt   *string              `json:"attempted_at,omitempty"`
	OpenSince     *string              `json:"open_since,omitempty"`
	NextAttemptAt *string              `json:"next_attempt_at,omitempty"`
}

// RecordOutcomes writes what became of attempts, and drops the leases that are thereby
// done. Recording the same outcomes again changes nothing. Of two outcomes for one
// person, as of an attempt that outlived its lease and of the next, acceptance counts,
// or else the later one.
func (db *DB) RecordOutcomes(ctx context.Context, id int64, worker string, outcomes []wxcast.Outcome, doneLeases []int64) error {
	rows := make([]outcomeRow, 0, len(outcomes))
	at := make(map[wxcast.OpenID]int, len(outcomes))
	calls := 0
	for _, o := range outcomes {
		if !o.AttemptedAt.IsZero() {
			calls++
		}
		row := outcomeRow{o.OpenID, o.State, o.ErrCode, o.ErrMsg, o.MsgID, jsonTime(o.AttemptedAt), jsonTime(o.OpenSince), jsonTime(o.NextAttemptAt)}
		i, twice := at[o.OpenID]
		switch {
		case !twice:
			at[o.OpenID] = len(rows)
			rows = append(rows, row)
		case rows[i].State != wxcast.DeliverySent:
			rows[i] = row
		}
	}
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		if len(rows) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.RecordOutcomes, id, jsonParam(rows)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, db.q.CountCalls, id, TemplateSendAPI, wxcast.DayOf(db.Now()), calls); err != nil {
				return err
			}
			if err := db.settleEarly(ctx, tx, id, outcomes); err != nil {
				return err
			}
		}
		if len(doneLeases) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.DeleteLeases, worker, jsonParam(doneLeases)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record %d outcomes of broadcast %d: %w", len(rows), id, err)
	}
	return nil
}
