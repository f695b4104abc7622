package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Token returns the app's cached access token, whoever fetched it; the zero
// Token when there is none. It may have expired.
func (db *DB) Token(ctx context.Context, appid wxcast.AppID) (wxcast.Token, error) {
	var row struct {
		AccessToken string    `db:"access_token"`
		FetchedAt   time.Time `db:"fetched_at"`
		ExpiresAt   time.Time `db:"expires_at"`
	}
	switch err := db.get(ctx, &row, db.q.GetToken, appid); {
	case errors.Is(err, ErrNotFound):
		return wxcast.Token{}, nil
	case err != nil:
		return wxcast.Token{}, fmt.Errorf("look up the token of %s: %w", appid, err)
	}
	text, err := db.keys.Open(row.AccessToken, aboutToken(appid))
	if err != nil {
		return wxcast.Token{}, fmt.Errorf("look up the token of %s: %w", appid, err)
	}
	return wxcast.NewToken(text, row.FetchedAt.UTC(), row.ExpiresAt.UTC()), nil
}

// aboutToken is what a sealed token is of.
func aboutToken(appid wxcast.AppID) string { return "token " + string(appid) }

// SaveToken puts the app's access token into the cache that all processes share.
func (db *DB) SaveToken(ctx context.Context, appid wxcast.AppID, t wxcast.Token) error {
	sealed := db.keys.Seal(t.Reveal(), aboutToken(appid))
	if _, err := db.exec(ctx, db.q.PutToken, appid, sealed, t.FetchedAt, t.ExpiresAt); err != nil {
		return fmt.Errorf("save the token of %s: %w", appid, err)
	}
	return nil
}
