package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// receiptWithin is how long after a broadcast's end its receipts are looked for.
	receiptWithin = 7 * 24 * time.Hour
	// earlyKept is how long a receipt waits for its message to be recorded.
	earlyKept = 24 * time.Hour
)

// RecordReceipts stores what WeChat told of messages; one with a msgid may come before
// or after its outcome. A receipt also ends the doubt about a delivery that is unknown
// by then, where it is the only message to that person that was in doubt at the time.
func (db *DB) RecordReceipts(ctx context.Context, accountID int64, receipts []wxcast.Receipt) error {
	err := db.tx(ctx, func(tx *sqlx.Tx) error {
		// RecordOutcomes writes to this row before it looks for early receipts: so one of
		// the two sees the other's.
		var used []int64
		if err := tx.SelectContext(ctx, &used, db.q.LockQuota, accountID, TemplateSendAPI); err != nil {
			return err
		}
		unsettled, err := db.settleReceipts(ctx, tx, accountID, receipts)
		if err != nil {
			return err
		}
		early, err := db.settleDoubts(ctx, tx, accountID, unsettled)
		if err != nil || len(early) == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, db.q.AddEarly, accountID, jsonParam(receiptRows(early)))
		return err
	})
	if err != nil {
		return fmt.Errorf("record %d receipts: %w", len(receipts), err)
	}
	return nil
}

type receiptRow struct {
	N       int           `json:"n"`
	OpenID  wxcast.OpenID `json:"openid"`
	MsgID   int64         `json:"msgid"`
	Receipt string        `json:"receipt"`
	At      *string       `json:"at"`
}

func receiptRows(receipts []wxcast.Receipt) []receiptRow {
	rows := make([]receiptRow, len(receipts))
	for i, r := range receipts {
		rows[i] = receiptRow{i, r.OpenID, r.MsgID, r.Status, jsonTime(r.At)}
	}
	return rows
}

// settleReceipts gives deliveries the receipts that name them, and returns the others.
func (db *DB) settleReceipts(ctx context.Context, tx *sqlx.Tx, accountID int64, receipts []wxcast.Receipt) (unsettled []wxcast.Receipt, err error) {
	since, param := db.Now().Add(-receiptWithin), jsonParam(receiptRows(receipts))
	if _, err := tx.ExecContext(ctx, db.q.SettleReceipts, accountID, since, param); err != nil {
		return nil, err
	}
	var left []int
	if err := tx.SelectContext(ctx, &left, db.q.UnsettledReceipts, accountID, since, param); err != nil {
		return nil, err
	}
	for _, n := range left {
		unsettled = append(unsettled, receipts[n])
	}
	return unsettled, nil
}

// settleDoubts ends the doubts about unknown deliveries with receipts, and returns those
// of messages that are not recorded yet.
func (db *DB) settleDoubts(ctx context.Context, tx *sqlx.Tx, accountID int64, receipts []wxcast.Receipt) (early []wxcast.Receipt, err error) {
	since := db.Now().Add(-receiptWithin)
	var doubtful []int
	if err := tx.SelectContext(ctx, &doubtful, db.q.DoubtfulReceipts, accountID, since, jsonParam(receiptRows(receipts))); err != nil {
		return nil, err
	}
	for i, r := range receipts {
		var settled int64
		if slices.Contains(doubtful, i) {
			if settled, err = execRows(ctx, tx, db.q.SettleOpen, accountID, r.OpenID, r.MsgID, r.Status, since, r.At.UTC().Add(-doubtMax), r.At.UTC().Add(receiptClock)); err != nil {
				return nil, err
			}
		}
		if settled == 0 {
			early = append(early, r)
		}
	}
	return early, nil
}

const (
	// receiptClock is how far WeChat's clock may be behind ours.
	receiptClock = 5 * time.Second
	// doubtMax is how old a doubt may be that a receipt ends: messages that WeChat
	// reviews (40252) usually go out within 30 minutes.
	doubtMax = time.Hour
)

func execRows(ctx context.Context, tx *sqlx.Tx, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// settleEarly gives outcomes the receipts that came before them.
func (db *DB) settleEarly(ctx context.Context, tx *sqlx.Tx, broadcastID int64, outcomes []wxcast.Outcome) error {
	var early bool
	if err := tx.GetContext(ctx, &early, db.q.AnyEarly, broadcastID); err != nil || !early {
		return err
	}
	type sent struct {
		OpenID wxcast.OpenID `json:"openid"`
		MsgID  int64         `json:"msgid"`
	}
	var all []sent
	var inDoubt []wxcast.OpenID
	for _, o := range outcomes {
		switch {
		case o.MsgID != 0:
			all = append(all, sent{o.OpenID, o.MsgID})
		case o.State == wxcast.DeliveryUnknown:
			inDoubt = append(inDoubt, o.OpenID)
		}
	}
	if len(all) > 0 {
		if _, err := tx.ExecContext(ctx, db.q.SettleEarly, broadcastID, jsonParam(all)); err != nil {
			return err
		}
	}
	return db.settleEarlyDoubts(ctx, tx, broadcastID, inDoubt)
}

// settleEarlyDoubts ends doubts with the receipts that came before the doubt was given up.
func (db *DB) settleEarlyDoubts(ctx context.Context, tx *sqlx.Tx, broadcastID int64, openids []wxcast.OpenID) error {
	if len(openids) == 0 {
		return nil
	}
	var rows []struct {
		AccountID int64         `db:"account_id"`
		OpenID    wxcast.OpenID `db:"openid"`
		MsgID     int64         `db:"msgid"`
		Receipt   string
		At        time.Time
	}
	if err := tx.SelectContext(ctx, &rows, db.q.EarlyOf, broadcastID, jsonParam(openids)); err != nil || len(rows) == 0 {
		return err
	}
	receipts := make([]wxcast.Receipt, len(rows))
	for i, r := range rows {
		receipts[i] = wxcast.Receipt{OpenID: r.OpenID, MsgID: r.MsgID, Status: r.Receipt, At: r.At.UTC()}
	}
	left, err := db.settleDoubts(ctx, tx, rows[0].AccountID, receipts)
	if err != nil {
		return err
	}
	used := []int64{}
	for _, r := range receipts {
		if !slices.Contains(left, r) {
			used = append(used, r.MsgID)
		}
	}
	_, err = tx.ExecContext(ctx, db.q.DropUsedEarly, rows[0].AccountID, jsonParam(used))
	return err
}
