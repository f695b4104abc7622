package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

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
func (db *DB) RecordOutcomes(ctx context.Context, r wxcast.Recording) error {
	each := onePerPerson(r.Outcomes)
	calls := 0
	for _, o := range r.Outcomes {
		if !o.AttemptedAt.IsZero() {
			calls++
		}
	}
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		if len(each) > 0 {
			if err := db.writeOutcomes(ctx, tx, r.BroadcastID, each); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, db.q.CountCalls, r.Lane.AppID, r.Lane.API, wxcast.DayOf(db.Now()), calls); err != nil {
				return err
			}
			if err := db.settleEarly(ctx, tx, r.BroadcastID, r.Outcomes); err != nil {
				return err
			}
		}
		if len(r.DoneLeases) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.DeleteLeases, r.Worker, jsonParam(r.DoneLeases)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record %d outcomes of broadcast %d: %w", len(each), r.BroadcastID, err)
	}
	return nil
}

func onePerPerson(outcomes []wxcast.Outcome) []wxcast.Outcome {
	each := make([]wxcast.Outcome, 0, len(outcomes))
	at := make(map[wxcast.OpenID]int, len(outcomes))
	for _, o := range outcomes {
		i, twice := at[o.OpenID]
		switch {
		case !twice:
			at[o.OpenID] = len(each)
			each = append(each, o)
		case each[i].State != wxcast.DeliverySent:
			each[i] = o
		}
	}
	return each
}

func (db *DB) writeOutcomes(ctx context.Context, tx *sqlx.Tx, id int64, outcomes []wxcast.Outcome) error {
	rows := make([]outcomeRow, 0, len(outcomes))
	var sent sentColumns
	for _, o := range outcomes {
		if db.engine == Postgres && o.State == wxcast.DeliverySent && !o.AttemptedAt.IsZero() {
			sent.add(o)
			continue
		}
		rows = append(rows, outcomeRow{o.OpenID, o.State, o.ErrCode, o.ErrMsg, o.MsgID, jsonTime(o.AttemptedAt), jsonTime(o.OpenSince), jsonTime(o.NextAttemptAt)})
	}
	if len(sent.openids) > 0 {
		if _, err := tx.ExecContext(ctx, db.q.RecordSent, id, sent.openids, sent.msgids, sent.attempted); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, db.q.RecordOutcomes, id, jsonParam(rows))
	return err
}

// sentColumns are messages that WeChat accepted, as Postgres's arrays.
type sentColumns struct {
	openids   pq.StringArray
	msgids    pq.Int64Array
	attempted pq.Int64Array // microseconds since 1970
}

func (c *sentColumns) add(o wxcast.Outcome) {
	c.openids = append(c.openids, string(o.OpenID))
	c.msgids = append(c.msgids, o.MsgID)
	c.attempted = append(c.attempted, o.AttemptedAt.UnixMicro())
}
