package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type broadcastRow struct {
	ID          int64
	AccountID   int64 `db:"account_id"`
	MiniID      int64 `db:"mini_id"`
	Name        string
	ContentHash string `db:"content_hash"`
	Spec        string
	MessageKey  string `db:"message_key"`
	State       wxcast.BroadcastState
	Reason      string
	ResumeAt    sql.NullTime `db:"resume_at"`
	Fixed       bool
	CreatedAt   time.Time    `db:"created_at"`
	StartedAt   sql.NullTime `db:"started_at"`
	FinishedAt  sql.NullTime `db:"finished_at"`
}

func (r broadcastRow) broadcast() wxcast.Broadcast {
	return wxcast.Broadcast{
		ID: r.ID, AccountID: r.AccountID, MiniID: r.MiniID, Name: r.Name, ContentHash: r.ContentHash,
		Spec: r.Spec, MessageKey: r.MessageKey, State: r.State, Reason: r.Reason, ResumeAt: utc(r.ResumeAt),
		Fixed: r.Fixed, CreatedAt: r.CreatedAt.UTC(), StartedAt: utc(r.StartedAt), FinishedAt: utc(r.FinishedAt),
	}
}

// AddBroadcast stores a new broadcast and returns it with its ID. The account,
// name and content hash together are unique: added is false when there is one
// already, and then BroadcastsByName finds it.
func (db *DB) AddBroadcast(ctx context.Context, b wxcast.Broadcast) (_ wxcast.Broadcast, added bool, err error) {
	b.CreatedAt = db.Now()
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &b.ID, db.q.AddBroadcast, b.AccountID, b.MiniID, b.Name, b.ContentHash, b.Spec, b.MessageKey, b.State, b.CreatedAt)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return b, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("add broadcast %q: %w", b.Name, err)
	}
	return b, true, nil
}

// Broadcast returns one broadcast, or ErrNotFound.
func (db *DB) Broadcast(ctx context.Context, id int64) (wxcast.Broadcast, error) {
	var row broadcastRow
	if err := db.get(ctx, &row, db.q.GetBroadcast, id); err != nil {
		return wxcast.Broadcast{}, fmt.Errorf("look up broadcast %d: %w", id, err)
	}
	return row.broadcast(), nil
}

// BroadcastsByName returns the account's broadcasts of one name, the latest first.
func (db *DB) BroadcastsByName(ctx context.Context, accountID int64, name string) ([]wxcast.Broadcast, error) {
	return db.broadcasts(ctx, db.q.FindBroadcastsByName, accountID, name)
}

// BroadcastsAtWork returns the account's broadcasts that existed unfinished at
// some time in [from, to), the latest first.
func (db *DB) BroadcastsAtWork(ctx context.Context, accountID int64, from, to time.Time) ([]wxcast.Broadcast, error) {
	return db.broadcasts(ctx, db.q.ListBroadcasts, accountID, from.UTC(), to.UTC())
}

func (db *DB) broadcasts(ctx context.Context, query string, args ...any) ([]wxcast.Broadcast, error) {
	var rows []broadcastRow
	if err := db.list(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("look up broadcasts: %w", err)
	}
	all := make([]wxcast.Broadcast, len(rows))
	for i, r := range rows {
		all[i] = r.broadcast()
	}
	return all, nil
}

// MoveBroadcast changes a broadcast's state; false means that somebody else
// changed it before. resumeAt may be zero.
func (db *DB) MoveBroadcast(ctx context.Context, id int64, from, to wxcast.BroadcastState, reason string, resumeAt time.Time) (bool, error) {
	var finishedAt time.Time
	if to.Final() {
		finishedAt = db.Now()
	}
	rows, err := db.exec(ctx, db.q.MoveBroadcast, id, from, to, reason, nullTime(resumeAt), nullTime(finishedAt))
	if err != nil {
		return false, fmt.Errorf("move broadcast %d to %s: %w", id, to, err)
	}
	return rows == 1, nil
}

// CountAudience counts who would receive a broadcast that began now.
func (db *DB) CountAudience(ctx context.Context, accountID, miniID int64) (n int64, err error) {
	if err := db.get(ctx, &n, db.q.CountAudience, accountID, miniID); err != nil {
		return 0, fmt.Errorf("count the audience: %w", err)
	}
	return n, nil
}

// FixRecipients gives the next limit recipients, in openid order, their delivery
// rows, and tells whether that was all of them. It goes on where it stopped.
func (db *DB) FixRecipients(ctx context.Context, id int64, limit int) (fixed bool, err error) {
	err = db.tx(ctx, func(tx *sqlx.Tx) error {
		if err := db.lockBroadcast(ctx, tx, id); err != nil {
			return err
		}
		var b struct {
			AccountID int64 `db:"account_id"`
			MiniID    int64 `db:"mini_id"`
			Fixed     bool
			FixedTo   wxcast.OpenID `db:"fixed_to"`
		}
		if err := tx.GetContext(ctx, &b, db.q.GetFixing, id); err != nil {
			return err
		}
		if fixed = b.Fixed; fixed {
			return nil
		}
		if _, err := tx.ExecContext(ctx, db.q.FixRecipients, id, b.AccountID, b.MiniID, b.FixedTo, limit); err != nil {
			return err
		}
		var last struct {
			OpenID wxcast.OpenID `db:"openid"`
			N      int
		}
		if err := tx.GetContext(ctx, &last, db.q.LastFixed, id, b.FixedTo); err != nil {
			return err
		}
		fixed = last.N < limit
		_, err := tx.ExecContext(ctx, db.q.AdvanceFixing, id, max(last.OpenID, b.FixedTo), fixed)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("fix the recipients of broadcast %d: %w", id, err)
	}
	return fixed, nil
}

// Tally counts a broadcast's deliveries by state, from the rows.
func (db *DB) Tally(ctx context.Context, id int64) (wxcast.Tally, error) {
	var rows []struct {
		State   wxcast.DeliveryState
		ErrCode int `db:"errcode"`
		N       int64
	}
	t := wxcast.Tally{ByErrCode: map[int]int64{}}
	if err := db.list(ctx, &rows, db.q.Tally, id); err != nil {
		return t, fmt.Errorf("count the deliveries of broadcast %d: %w", id, err)
	}
	for _, r := range rows {
		t.Recipients += r.N
		switch r.State {
		case wxcast.DeliverySent:
			t.Sent += r.N
		case wxcast.DeliveryFailed:
			t.Failed += r.N
		case wxcast.DeliverySkipped:
			t.Skipped += r.N
		case wxcast.DeliveryUnknown:
			t.Unknown += r.N
		default:
			t.Pending += r.N
			continue
		}
		if r.State != wxcast.DeliverySent {
			t.ByErrCode[r.ErrCode] += r.N
		}
	}
	return t, nil
}

func (db *DB) lockBroadcast(ctx context.Context, tx *sqlx.Tx, id int64) error {
	var locked int64
	return tx.GetContext(ctx, &locked, db.q.LockBroadcast, id)
}
