package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type relayRow struct {
	To          string        `json:"target"`
	OpenID      wxcast.OpenID `json:"openid"`
	Query       string        `json:"query"`
	ContentType string        `json:"content_type"`
	Body        []byte        `json:"body"` // as base64, as JSON has it: it need not be text
}

// addRelays keeps callbacks that are to be passed on.
func (db *DB) addRelays(ctx context.Context, tx *sqlx.Tx, accountID int64, relays []wxcast.Relay) error {
	if len(relays) == 0 {
		return nil
	}
	rows := make([]relayRow, len(relays))
	for i, r := range relays {
		rows[i] = relayRow{r.To, r.OpenID, r.Query, r.ContentType, r.Body}
	}
	_, err := tx.ExecContext(ctx, db.q.AddRelays, accountID, db.Now(), jsonParam(rows))
	return err
}

// AddRelays keeps callbacks that are to be passed on.
func (db *DB) AddRelays(ctx context.Context, accountID int64, relays []wxcast.Relay) error {
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error { return db.addRelays(ctx, tx, accountID, relays) })
	if err != nil {
		return fmt.Errorf("keep %d callbacks for others: %w", len(relays), err)
	}
	return nil
}

// Relays are the next callbacks to be passed on to a system, in the order in which they came, but
// for those of people of whom one is put off.
func (db *DB) Relays(ctx context.Context, accountID int64, to string, limit int) ([]wxcast.Relay, error) {
	var rows []struct {
		ID          int64
		OpenID      wxcast.OpenID `db:"openid"`
		Query       string
		ContentType string `db:"content_type"`
		Body        string
		Tries       int
		ReceivedAt  time.Time `db:"received_at"`
	}
	if err := db.list(ctx, &rows, db.q.ListRelays, accountID, to, limit, db.Now()); err != nil {
		return nil, fmt.Errorf("read what is to be passed on to %s: %w", to, err)
	}
	relays := make([]wxcast.Relay, len(rows))
	for i, r := range rows {
		body, err := bytesOf(r.Body)
		if err != nil {
			return nil, fmt.Errorf("the callback %d for %s: %w", r.ID, to, err)
		}
		relays[i] = wxcast.Relay{ID: r.ID, To: to, OpenID: r.OpenID, Query: r.Query, ContentType: r.ContentType,
			Body: body, Tries: r.Tries, ReceivedAt: r.ReceivedAt.UTC()}
	}
	return relays, nil
}

// DropRelays forgets callbacks that were passed on.
func (db *DB) DropRelays(ctx context.Context, accountID int64, ids []int64) error {
	if _, err := db.exec(ctx, fmt.Sprintf(db.q.DropRelays, db.engine.oneOf("$2")), accountID,
		jsonParam(texts(ids))); err != nil {
		return fmt.Errorf("forget %d callbacks that were passed on: %w", len(ids), err)
	}
	return nil
}

// PutOffRelays puts callbacks off that a system refused.
func (db *DB) PutOffRelays(ctx context.Context, accountID int64, ids []int64, until time.Time) error {
	if _, err := db.execOnce(ctx, accountID, fmt.Sprintf(db.q.PutOffRelays, db.engine.oneOf("$2")), accountID,
		jsonParam(texts(ids)), until.UTC()); err != nil {
		return fmt.Errorf("put off %d callbacks: %w", len(ids), err)
	}
	return nil
}

// RelaysWaiting counts what is to be passed on to a system, up to a number.
func (db *DB) RelaysWaiting(ctx context.Context, accountID int64, to string, most int) (n int64, err error) {
	if err := db.get(ctx, &n, db.q.CountRelays, accountID, to, most); err != nil {
		return 0, fmt.Errorf("count what is to be passed on to %s: %w", to, err)
	}
	return n, nil
}
