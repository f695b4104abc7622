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

// RecordReceipts stores what WeChat told of messages of one lane; one with a msgid may come before
// or after its outcome. A receipt also ends the doubt about a delivery that is unknown
// by then, where it is the only message to that person that was in doubt at the time.
func (db *DB) RecordReceipts(ctx context.Context, accountID int64, lane wxcast.Lane, receipts []wxcast.Receipt) error {
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		// RecordOutcomes writes to this row before it looks for early receipts: so one of
		// the two sees the other's.
		var used []int64
		if err := tx.SelectContext(ctx, &used, db.q.LockQuota, lane.AppID, lane.API); err != nil {
			return err
		}
		unsettled, err := db.settleReceipts(ctx, tx, accountID, receipts)
		if err != nil {
			return err
		}
		early, err := db.settleDoubts(ctx, tx, accountID, unsettled)
		if err != nil {
			return err
		}
		if len(early) > 0 {
			if _, err := tx.ExecContext(ctx, db.q.AddEarly, accountID, lane.AppID,
				jsonParam(receiptRows(early))); err != nil {
				return err
			}
		}
		return db.noteBlocks(ctx, tx, accountID, receipts)
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
	Blocked bool          `json:"blocked"`
	At      *string       `json:"at"`
}

func receiptRows(receipts []wxcast.Receipt) []receiptRow {
	rows := make([]receiptRow, len(receipts))
	for i, r := range receipts {
		rows[i] = receiptRow{i, r.OpenID, r.MsgID, r.Status, r.Blocked, jsonTime(r.At)}
	}
	return rows
}

// settleReceipts gives deliveries the receipts that name them, and returns the others.
func (db *DB) settleReceipts(ctx context.Context, tx *sqlx.Tx, accountID int64,
	receipts []wxcast.Receipt) (unsettled []wxcast.Receipt, err error) {
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
func (db *DB) settleDoubts(ctx context.Context, tx *sqlx.Tx, accountID int64,
	receipts []wxcast.Receipt) (early []wxcast.Receipt, err error) {
	since := db.Now().Add(-receiptWithin)
	var doubtful []int
	if err := tx.SelectContext(ctx, &doubtful, db.q.DoubtfulReceipts, accountID, since,
		jsonParam(receiptRows(receipts))); err != nil {
		return nil, err
	}
	for i, r := range receipts {
		var settled int64
		switch {
		case r.MsgID == 0:
			if settled, err = db.settleNameless(ctx, tx, accountID, r); err != nil {
				return nil, err
			}
		case slices.Contains(doubtful, i):
			if settled, err = execRows(ctx, tx, db.q.SettleOpen, accountID, r.OpenID, r.MsgID, r.Status, since,
				r.At.UTC().Add(-doubtMax), r.At.UTC().Add(receiptClock)); err != nil {
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
	// namelessMax is how long before a receipt without a msgid its message may have left.
	namelessMax = 24 * time.Hour
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

// noteBlocks notes who refused a template, where a receipt that says so has a message.
func (db *DB) noteBlocks(ctx context.Context, tx *sqlx.Tx, accountID int64, receipts []wxcast.Receipt) error {
	by := map[string][]wxcast.OpenID{}
	for _, r := range receipts {
		if r.Blocked {
			by[r.Status] = append(by[r.Status], r.OpenID)
		}
	}
	for status, openids := range by {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.AddBlocks, db.engine.elements("$4")),
			accountID, db.Now().Add(-receiptWithin), db.Now(), jsonParam(openids), status); err != nil {
			return err
		}
	}
	return nil
}

// settleEarly gives outcomes the receipts that came before them.
func (db *DB) settleEarly(ctx context.Context, tx *sqlx.Tx, r wxcast.Recording) error {
	accountID, appID := r.Broadcast.AccountID, r.Lane.AppID
	var any bool
	if err := tx.GetContext(ctx, &any, db.q.AnyEarly, accountID, appID); err != nil || !any {
		return err
	}
	var people []wxcast.Recipient // whose early receipts may be of these messages
	inDoubt := map[wxcast.OpenID]bool{}
	for _, o := range r.Outcomes {
		if o.State == wxcast.DeliveryUnknown || o.State == wxcast.DeliverySent {
			people = append(people, o.Recipient)
			inDoubt[wxcast.OpenID(o.Recipient)] = o.State == wxcast.DeliveryUnknown
		}
	}
	if len(people) == 0 {
		return nil
	}
	early, err := db.earlyOf(ctx, tx, accountID, appID, people)
	if err != nil || len(early) == 0 {
		return err
	}
	if err := db.settleNamed(ctx, tx, r); err != nil {
		return err
	}
	if err := db.settleEarlyDoubts(ctx, tx, accountID, appID,
		slices.DeleteFunc(slices.Clone(early), func(r wxcast.Receipt) bool {
			return r.MsgID != 0 && !inDoubt[r.OpenID]
		})); err != nil {
		return err
	}
	return db.noteBlocks(ctx, tx, accountID, early)
}

// earlyOf are the receipts that came early for some people.
func (db *DB) earlyOf(ctx context.Context, tx *sqlx.Tx, accountID, appID int64,
	people []wxcast.Recipient) ([]wxcast.Receipt, error) {
	var rows []earlyRow
	if err := tx.SelectContext(ctx, &rows, db.q.EarlyOf, accountID, appID, jsonParam(people)); err != nil {
		return nil, err
	}
	return earlyReceipts(rows), nil
}

// settleNamed gives messages the early receipts that bear their msgid.
func (db *DB) settleNamed(ctx context.Context, tx *sqlx.Tx, r wxcast.Recording) error {
	type sent struct {
		Recipient wxcast.Recipient `json:"recipient"`
		MsgID     int64            `json:"msgid"`
	}
	var all []sent
	for _, o := range r.Outcomes {
		if o.MsgID != 0 {
			all = append(all, sent{o.Recipient, o.MsgID})
		}
	}
	if len(all) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, db.q.SettleEarly, r.Broadcast.AccountID, r.Broadcast.ID, r.Lane.AppID, jsonParam(all))
	return err
}

// settleEarlyDoubts gives messages early receipts that do not name them: those without a
// msgid, and those that end a doubt. Those are used up.
func (db *DB) settleEarlyDoubts(ctx context.Context, tx *sqlx.Tx, accountID, appID int64,
	receipts []wxcast.Receipt) error {
	left, err := db.settleDoubts(ctx, tx, accountID, receipts)
	if err != nil {
		return err
	}
	used := slices.DeleteFunc(slices.Clone(receipts), func(r wxcast.Receipt) bool { return slices.Contains(left, r) })
	if len(used) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, db.q.DropUsedEarly, accountID, appID, jsonParam(receiptRows(used)))
	return err
}

// earlyRow is a receipt that waits for its message.
type earlyRow struct {
	OpenID  wxcast.OpenID `db:"openid"`
	MsgID   int64         `db:"msgid"`
	Receipt string
	Blocked bool
	At      time.Time
}

func earlyReceipts(rows []earlyRow) []wxcast.Receipt {
	receipts := make([]wxcast.Receipt, len(rows))
	for i, r := range rows {
		receipts[i] = wxcast.Receipt{OpenID: r.OpenID, MsgID: r.MsgID, Status: r.Receipt, Blocked: r.Blocked,
			At: r.At.UTC()}
	}
	return receipts
}

// settleNameless gives a receipt without a msgid to the one message that it can be about. One
// field report says that receipts bear MsgID 0 where client_msg_id was sent.
func (db *DB) settleNameless(ctx context.Context, tx *sqlx.Tx, accountID int64, r wxcast.Receipt) (int64, error) {
	at := r.At.UTC()
	return execRows(ctx, tx, db.q.SettleNameless, accountID, r.OpenID, r.Status, db.Now().Add(-receiptWithin),
		at.Add(-namelessMax), at.Add(receiptClock))
}

// ReceiptHints are receipts to a person that came and of which nobody can tell what message
// they are about, the oldest first. They are kept for a day.
func (db *DB) ReceiptHints(ctx context.Context, accountID int64, openid wxcast.OpenID) ([]wxcast.Receipt, error) {
	var rows []earlyRow
	if err := db.list(ctx, &rows, db.q.ReceiptHints, accountID, openid); err != nil {
		return nil, fmt.Errorf("look up receipts: %w", err)
	}
	return earlyReceipts(rows), nil
}

// MessagesHeard counts the account's messages that left since a time, and those of them of
// which a receipt has come.
func (db *DB) MessagesHeard(ctx context.Context, accountID int64, since time.Time) (sent, heard int64, err error) {
	var row struct{ Sent, Heard int64 }
	if err := db.get(ctx, &row, db.q.MessagesHeard, accountID, since.UTC()); err != nil {
		return 0, 0, fmt.Errorf("count receipts: %w", err)
	}
	return row.Sent, row.Heard, nil
}
