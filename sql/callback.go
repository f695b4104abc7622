package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type callbackRow struct {
	AppID     int64         `json:"app_id"`
	OpenID    wxcast.OpenID `json:"openid"`
	CreatedAt *string       `json:"created_at"`
	Kind      string        `json:"kind"`
	Key       string        `json:"event_key"`
	MsgID     int64         `json:"msgid"`
	Status    string        `json:"status"`
	Content   string        `json:"content"`
	Detail    string        `json:"detail"`
}

// AddCallbacks keeps what WeChat told, each event once, and returns how many were new. What is
// to be passed on to others is kept with it, also where it comes again.
func (db *DB) AddCallbacks(ctx context.Context, accountID int64, events []wxcast.CallbackEvent) (added int64,
	err error) {
	rows := make([]callbackRow, len(events))
	var relays []wxcast.Relay
	for i, e := range events {
		relays = append(relays, e.Relays...)
		rows[i] = callbackRow{e.AppID, e.OpenID, jsonTime(e.CreatedAt), e.Kind, e.Key, e.MsgID, e.Status, e.Content,
			e.Detail}
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		if added, err = execRows(ctx, tx, db.q.AddCallbacks, accountID, db.Now(), jsonParam(rows)); err != nil {
			return err
		}
		return db.addRelays(ctx, tx, accountID, relays)
	})
	if err != nil {
		return 0, fmt.Errorf("keep %d events: %w", len(events), err)
	}
	return added, nil
}

// PendingCallbacks are the account's next events that were not applied yet and are not put off,
// in the order in which they came.
func (db *DB) PendingCallbacks(ctx context.Context, accountID int64, limit int) ([]wxcast.CallbackEvent, error) {
	var rows []struct {
		wxcast.CallbackEvent
		AppID     int64         `db:"app_id"`
		OpenID    wxcast.OpenID `db:"openid"`
		CreatedAt time.Time     `db:"created_at"`
		Key       string        `db:"event_key"`
		MsgID     int64         `db:"msgid"`
	}
	if err := db.list(ctx, &rows, db.q.PendingCallbacks, accountID, limit, db.Now()); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events := make([]wxcast.CallbackEvent, len(rows))
	for i, r := range rows {
		events[i] = r.CallbackEvent
		events[i].AppID = r.AppID
		events[i].OpenID, events[i].CreatedAt, events[i].Key, events[i].MsgID = r.OpenID, r.CreatedAt.UTC(), r.Key,
			r.MsgID
	}
	return events, nil
}

// DeferCallbacks puts events off that could not be applied.
func (db *DB) DeferCallbacks(ctx context.Context, accountID int64, ids []int64, wait time.Duration) error {
	query := fmt.Sprintf(db.q.DeferCallbacks, db.engine.oneOf("$2"))
	if _, err := db.execOnce(ctx, accountID, query, accountID, jsonParam(texts(ids)), db.Now().Add(wait)); err != nil {
		return fmt.Errorf("put events off: %w", err)
	}
	return nil
}

// SetCallbackAside gives an event up that cannot be applied; it is kept as the others are.
func (db *DB) SetCallbackAside(ctx context.Context, accountID, id int64, why string) error {
	if _, err := db.execOnce(ctx, accountID, db.q.SetCallbackAside, accountID, id, db.Now(), why); err != nil {
		return fmt.Errorf("set event %d aside: %w", id, err)
	}
	return nil
}

// CallbacksApplied marks events as dealt with.
func (db *DB) CallbacksApplied(ctx context.Context, accountID int64, ids []int64) error {
	if _, err := db.exec(ctx, db.q.MarkCallbacksApplied, accountID, db.Now(), jsonParam(ids)); err != nil {
		return fmt.Errorf("mark events as applied: %w", err)
	}
	return nil
}

// CountCallbacks tells how many events came from a time to another, by kind.
func (db *DB) CountCallbacks(ctx context.Context, accountID int64, from, to time.Time) (map[string]int64, error) {
	var rows []struct {
		Kind string
		N    int64
	}
	if err := db.list(ctx, &rows, db.q.CountCallbacks, accountID, from.UTC(), to.UTC()); err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	counts := make(map[string]int64, len(rows))
	for _, r := range rows {
		counts[r.Kind] = r.N
	}
	return counts, nil
}

// Follow stores the details of followers outside a sync, each openid once. asked is when WeChat
// was asked for them: who was gone since stays gone.
func (db *DB) Follow(ctx context.Context, accountID int64, followers []wxcast.Follower, asked time.Time) error {
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		now := db.Now()
		if _, err := tx.ExecContext(ctx, db.q.UpsertFollowers, accountID, now, jsonParam(followerRows(followers)),
			0, asked.UTC()); err != nil {
			return err
		}
		if err := db.tellComers(ctx, tx, accountID, now, followers); err != nil {
			return err
		}
		if err := db.nameOptOuts(ctx, tx, accountID, followers); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.BumpPeople, accountID)
		return err
	})
	if err != nil {
		return fmt.Errorf("store %d followers: %w", len(followers), err)
	}
	return nil
}

// LastCallback is when WeChat last told something, UTC; zero where nothing is kept.
func (db *DB) LastCallback(ctx context.Context, accountID int64) (at time.Time, err error) {
	err = db.get(ctx, &at, db.q.LastCallback, accountID)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	return at.UTC(), err
}
