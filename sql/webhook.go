package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Webhook returns how far a system has taken the events. One that is not known begins with what
// happens next.
func (db *DB) Webhook(ctx context.Context, accountID int64, name string) (wxcast.Webhook, error) {
	hook, known, err := db.findWebhook(ctx, accountID, name)
	if err != nil || known {
		return hook, err
	}
	ends, err := db.EventEnds(ctx, accountID)
	if err == nil {
		_, err = db.exec(ctx, db.q.AddWebhook, accountID, name, ends.Last)
	}
	if err == nil {
		hook, _, err = db.findWebhook(ctx, accountID, name)
	}
	if err != nil {
		return hook, fmt.Errorf("begin the webhook %s: %w", name, err)
	}
	return hook, nil
}

// SeenWebhook is how far a system has taken the events, and how many more there are: those that
// have no number yet are counted to a bound of rows. It changes nothing: one that is not known
// has not begun.
func (db *DB) SeenWebhook(ctx context.Context, accountID int64, name string, rows int) (hook wxcast.Webhook,
	behind int64, err error) {
	var ends struct{ Last, Unnumbered int64 }
	if err := db.get(ctx, &ends, db.q.SeenEvents, accountID, rows); err != nil {
		return hook, 0, fmt.Errorf("look up the events: %w", err)
	}
	hook, known, err := db.findWebhook(ctx, accountID, name)
	if err != nil {
		return hook, 0, fmt.Errorf("look up the webhook %s: %w", name, err)
	}
	if !known {
		return wxcast.Webhook{Name: name, Seq: ends.Last}, 0, nil
	}
	return hook, max(ends.Last-hook.Seq, 0) + ends.Unnumbered, nil
}

func (db *DB) findWebhook(ctx context.Context, accountID int64, name string) (hook wxcast.Webhook, known bool,
	err error) {
	var rows []struct {
		Seq          int64
		UpTo         int64        `db:"up_to"`
		TakenAt      sql.NullTime `db:"taken_at"`
		FailingSince sql.NullTime `db:"failing_since"`
		Tries        int
		RetryAt      sql.NullTime `db:"retry_at"`
		Why          string
		SetAsideAt   sql.NullTime `db:"set_aside_at"`
	}
	if err := db.list(ctx, &rows, db.q.GetWebhook, accountID, name); err != nil || len(rows) == 0 {
		return hook, false, err
	}
	r := rows[0]
	return wxcast.Webhook{Name: name, Seq: r.Seq, UpTo: r.UpTo, TakenAt: utc(r.TakenAt),
		FailingSince: utc(r.FailingSince),
		Tries:        r.Tries, RetryAt: utc(r.RetryAt), Why: r.Why, SetAsideAt: utc(r.SetAsideAt)}, true, nil
}

// MoveWebhook notes what became of a webhook, unless somebody else has moved it since it was
// read: moved is false then.
func (db *DB) MoveWebhook(ctx context.Context, accountID int64, before, after wxcast.Webhook) (moved bool, err error) {
	n, err := db.execOnce(ctx, accountID, db.q.MoveWebhook, accountID, before.Name, before.Seq, before.Tries, after.Seq,
		nullTime(after.TakenAt), nullTime(after.FailingSince), after.Tries, nullTime(after.RetryAt), after.Why,
		nullTime(after.SetAsideAt), after.UpTo)
	if err != nil {
		return false, fmt.Errorf("move the webhook %s: %w", before.Name, err)
	}
	return n == 1, nil
}

// ResumeWebhook lets a system take events again, from behind one, whatever became of it before.
func (db *DB) ResumeWebhook(ctx context.Context, accountID int64, name string, seq int64) error {
	if _, err := db.exec(ctx, db.q.ResumeWebhook, accountID, name, seq); err != nil {
		return fmt.Errorf("resume the webhook %s: %w", name, err)
	}
	return nil
}
