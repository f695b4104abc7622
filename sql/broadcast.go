package store

import (
	"context"
	"database/sql"
	"encoding/json"
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
	Audience    string
	MessageKey  string `db:"message_key"`
	State       wxcast.BroadcastState
	Reason      wxcast.Sentence
	ResumeAt    sql.NullTime `db:"resume_at"`
	Rate        float64
	Priority    int
	Canary      wxcast.CanaryState
	CanaryUntil sql.NullTime `db:"canary_until"`
	Fixed       bool
	FixedCount  int64        `db:"fixed_count"`
	CreatedAt   time.Time    `db:"created_at"`
	StartedAt   sql.NullTime `db:"started_at"`
	FinishedAt  sql.NullTime `db:"finished_at"`
	Tally       sql.NullString
	Changes     int64
	EmptiedAt   sql.NullTime `db:"emptied_at"`
	TakesUntil  sql.NullTime `db:"takes_until"`
	WorkedAt    sql.NullTime `db:"worked_at"`
}

func (r broadcastRow) broadcast() (wxcast.Broadcast, error) {
	b := wxcast.Broadcast{
		ID: r.ID, AccountID: r.AccountID, MiniID: r.MiniID, Name: r.Name, ContentHash: r.ContentHash,
		Spec: r.Spec, MessageKey: r.MessageKey, State: r.State, Reason: r.Reason, ResumeAt: utc(r.ResumeAt),
		Rate: r.Rate, Priority: r.Priority, Canary: r.Canary, CanaryUntil: utc(r.CanaryUntil),
		Fixed: r.Fixed, FixedCount: r.FixedCount,
		CreatedAt: r.CreatedAt.UTC(), StartedAt: utc(r.StartedAt), FinishedAt: utc(r.FinishedAt),
		EmptiedAt: utc(r.EmptiedAt), TakesUntil: utc(r.TakesUntil), WorkedAt: utc(r.WorkedAt),
	}
	if err := json.Unmarshal([]byte(r.Audience), &b.Audience); err != nil {
		return b, fmt.Errorf("the audience of broadcast %d: %w", r.ID, err)
	}
	if r.Tally.Valid {
		if err := json.Unmarshal([]byte(r.Tally.String), &b.Kept); err != nil {
			return b, fmt.Errorf("the counts of broadcast %d: %w", r.ID, err)
		}
	}
	return b, nil
}

// AddBroadcast stores a new broadcast and returns it with its ID. The account,
// name and content hash together are unique: added is false when there is one
// already, and then BroadcastsByName finds it.
func (db *DB) AddBroadcast(ctx context.Context, b wxcast.Broadcast) (_ wxcast.Broadcast, added bool, err error) {
	b.CreatedAt = db.Now()
	if b.CanaryShare > 0 {
		b.Canary = wxcast.CanarySending
	}
	err = db.tx(ctx, b.AccountID, func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &b.ID, db.q.AddBroadcast, b.AccountID, b.MiniID, b.Name, b.ContentHash, b.Spec,
			b.MessageKey, b.State,
			b.CreatedAt, jsonParam(b.Audience), b.Rate, b.Priority, b.Canary, b.CanaryShare, nullTime(b.ResumeAt),
			nullTime(b.TakesUntil))
		for i, c := range b.Channels {
			if err != nil {
				break
			}
			_, err = tx.ExecContext(ctx, db.q.AddBroadcastChannel, b.AccountID, b.ID, c.Name, i, c.Lane.AppID,
				c.Lane.API, c.TemplateID)
		}
		if len(b.Makers) > 0 && err == nil {
			_, err = tx.ExecContext(ctx, db.q.PutApprovalMakers, b.AccountID, b.ID, jsonParam(b.Makers))
		}
		for name, content := range b.Files {
			if err != nil {
				break
			}
			_, err = tx.ExecContext(ctx, db.q.AddBroadcastFile, b.AccountID, b.ID, name, content)
		}
		if err != nil || b.OfMessages() { // that is of no interest to who sends them
			return err
		}
		return db.tell(ctx, tx, b.AccountID, wxcast.EventsOfBroadcasts+"."+string(b.State), nil,
			happened(toldBroadcast{ID: b.ID, Name: b.Name}))
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
func (db *DB) Broadcast(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Broadcast, error) {
	ctx = within(ctx, hurried)
	var row broadcastRow
	if err := db.get(ctx, &row, db.q.GetBroadcast, ref.AccountID, ref.ID); err != nil {
		return wxcast.Broadcast{}, fmt.Errorf("look up broadcast %d: %w", ref.ID, err)
	}
	return row.broadcast()
}

// BroadcastChannels returns the ways that a broadcast goes, in their order.
func (db *DB) BroadcastChannels(ctx context.Context, ref wxcast.BroadcastRef) ([]wxcast.BroadcastChannel, error) {
	var rows []struct {
		Channel    string
		AppID      int64 `db:"app_id"`
		API        string
		TemplateID string `db:"template_id"`
		State      wxcast.BroadcastState
		Reason     wxcast.Sentence
		ResumeAt   sql.NullTime `db:"resume_at"`
	}
	if err := db.list(ctx, &rows, db.q.ListBroadcastChannels, ref.AccountID, ref.ID); err != nil {
		return nil, fmt.Errorf("look up the channels of broadcast %d: %w", ref.ID, err)
	}
	channels := make([]wxcast.BroadcastChannel, len(rows))
	for i, r := range rows {
		channels[i] = wxcast.BroadcastChannel{Name: r.Channel, Lane: wxcast.Lane{AppID: r.AppID, API: r.API},
			TemplateID: r.TemplateID, State: r.State, Reason: r.Reason, ResumeAt: utc(r.ResumeAt)}
	}
	return channels, nil
}

// BroadcastFile is what one of the files holds that a broadcast's spec names.
func (db *DB) BroadcastFile(ctx context.Context, ref wxcast.BroadcastRef, name string) (content []byte, err error) {
	if err := db.get(ctx, &content, db.q.GetBroadcastFile, ref.AccountID, ref.ID, name); err != nil {
		return nil, fmt.Errorf("look up the file %q of broadcast %d: %w", name, ref.ID, err)
	}
	return content, nil
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

// PageBroadcasts returns the account's broadcasts before one, the latest first, without those
// that hold single messages.
func (db *DB) PageBroadcasts(ctx context.Context, accountID, before int64, limit int) ([]wxcast.Broadcast, error) {
	return db.broadcasts(ctx, db.q.PageBroadcasts, accountID, before, limit)
}

func (db *DB) broadcasts(ctx context.Context, query string, args ...any) ([]wxcast.Broadcast, error) {
	var rows []broadcastRow
	if err := db.list(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("look up broadcasts: %w", err)
	}
	all := make([]wxcast.Broadcast, len(rows))
	for i, r := range rows {
		var err error
		if all[i], err = r.broadcast(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// HasBroadcasts tells whether an account has ever had a broadcast.
func (db *DB) HasBroadcasts(ctx context.Context, accountID int64) (has bool, err error) {
	if err := db.get(ctx, &has, db.q.AnyBroadcast, accountID); err != nil {
		return false, fmt.Errorf("look up broadcasts: %w", err)
	}
	return has, nil
}

// BroadcastsDue are the account's broadcasts to work on: those that a process has begun, and
// those whose wait is over, the oldest first. See BeginBroadcasts for the others.
func (db *DB) BroadcastsDue(ctx context.Context, accountID int64) ([]wxcast.Broadcast, error) {
	return db.broadcasts(ctx, db.q.BroadcastsDue, accountID, db.Now())
}

// AnyNewBroadcast tells whether there may be something to begin. It costs nobody else anything.
func (db *DB) AnyNewBroadcast(ctx context.Context, accountID int64) (there bool, err error) {
	err = db.get(within(ctx, hurried), &there, db.q.AnyNewBroadcast, accountID, db.Now())
	if err != nil {
		return false, fmt.Errorf("look for new broadcasts: %w", err)
	}
	return there, nil
}

// BeginBroadcasts lets the calling process begin some of an account's broadcasts, at most so
// many: those that nobody has begun and whose time has come, the most urgent first. They are
// running then. One that others begin in this moment is not among them.
func (db *DB) BeginBroadcasts(ctx context.Context, accountID int64, limit int) (begun []wxcast.Broadcast, err error) {
	ctx = within(ctx, hurried)
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		now := db.Now()
		var rows []broadcastRow
		if err := tx.SelectContext(ctx, &rows, fmt.Sprintf(db.q.NewBroadcasts, db.engine.unlocked()), accountID, now,
			limit); err != nil {
			return err
		}
		begun = begun[:0]
		ids := make([]int64, len(rows))
		var all []occurrence
		for i, r := range rows {
			if r.State != wxcast.BroadcastRunning {
				all = append(all, happened(toldBroadcast{ID: r.ID, Name: r.Name}))
			}
			r.State, r.Reason, r.ResumeAt, r.WorkedAt = wxcast.BroadcastRunning, wxcast.Sentence{}, sql.NullTime{},
				nullTime(now)
			b, err := r.broadcast()
			if err != nil {
				return err
			}
			ids[i], begun = r.ID, append(begun, b)
		}
		query := fmt.Sprintf(db.q.BeginBroadcasts, db.engine.oneOf("$2"))
		if _, err := tx.ExecContext(ctx, query, accountID, jsonParam(texts(ids)), now); err != nil {
			return err
		}
		return db.tell(ctx, tx, accountID, wxcast.EventsOfBroadcasts+"."+string(wxcast.BroadcastRunning), nil, all...)
	})
	if err != nil {
		return nil, fmt.Errorf("begin broadcasts: %w", err)
	}
	return begun, nil
}

// LeaveBroadcasts lets another process begin what a process that stops has not ended, at once.
func (db *DB) LeaveBroadcasts(ctx context.Context, accountID int64, ids []int64) error {
	query := fmt.Sprintf(db.q.LeaveBroadcasts, db.engine.oneOf("$2"))
	if _, err := db.exec(ctx, query, accountID, jsonParam(texts(ids))); err != nil {
		return fmt.Errorf("leave broadcasts: %w", err)
	}
	return nil
}

// MoveBroadcast changes a broadcast's state; false means that somebody else
// changed it before.
func (db *DB) MoveBroadcast(ctx context.Context, ref wxcast.BroadcastRef, m wxcast.Move) (bool, error) {
	ctx = within(ctx, hurried)
	var finishedAt time.Time
	if m.To == wxcast.BroadcastDone {
		finishedAt = db.Now()
	}
	var rows int
	err := db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) (err error) {
		if rows, err = db.moved(ctx, tx, ref.AccountID, m.From, m.To, m.Reason, db.q.MoveBroadcast, ref.AccountID,
			ref.ID,
			m.From, m.To, m.Reason,
			nullTime(m.ResumeAt), nullTime(finishedAt), sql.NullInt64{Int64: m.Keep, Valid: m.ForQuota}); err != nil {
			return err
		}
		if rows == 1 && m.To == wxcast.BroadcastRunning {
			if _, err = tx.ExecContext(ctx, db.q.WakeChannels, ref.AccountID, ref.ID, nil); err != nil {
				return err
			}
		}
		if m.To == wxcast.BroadcastCancelled {
			if err := db.returnHeld(ctx, tx, ref); err != nil {
				return err
			}
			if _, err = tx.ExecContext(ctx, db.q.FinishCancelled, ref.AccountID, ref.ID, db.Now()); err != nil {
				return err
			}
		}
		// Here, too: where no serve runs nobody keeps house.
		_, err = tx.ExecContext(ctx, db.q.DropOldCommits, ref.AccountID, db.Now().Add(-commitsKept), batchMost)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("move broadcast %d to %s: %w", ref.ID, m.To, err)
	}
	return rows == 1, nil
}

// SetRate changes how fast a broadcast goes, and before which others. Its workers see
// it at their next claim.
func (db *DB) SetRate(ctx context.Context, ref wxcast.BroadcastRef, rate float64, priority int) error {
	ctx = within(ctx, hurried)
	if _, err := db.exec(ctx, db.q.SetRate, ref.AccountID, ref.ID, rate, priority); err != nil {
		return fmt.Errorf("set the rate of broadcast %d: %w", ref.ID, err)
	}
	return nil
}

// MoveCanary takes the canary of a running broadcast a step further, and the broadcast with
// it; false means that somebody else did so before.
func (db *DB) MoveCanary(ctx context.Context, ref wxcast.BroadcastRef, m wxcast.CanaryMove) (bool, error) {
	ctx = within(ctx, hurried)
	var rows int
	err := db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) (err error) {
		rows, err = db.moved(ctx, tx, ref.AccountID, wxcast.BroadcastRunning, m.State, m.Reason, db.q.MoveCanary,
			ref.AccountID, ref.ID, m.From,
			m.To, m.State, m.Reason, nullTime(m.Until))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("move the canary of broadcast %d: %w", ref.ID, err)
	}
	return rows == 1, nil
}

func (db *DB) lockBroadcast(ctx context.Context, tx *sqlx.Tx, ref wxcast.BroadcastRef) error {
	var locked int64
	return tx.GetContext(ctx, &locked, db.q.LockBroadcast, ref.AccountID, ref.ID)
}
