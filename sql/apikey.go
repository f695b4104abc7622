package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// keyUsedEvery is how exactly a key's last use is kept: not each call is a write.
const keyUsedEvery = time.Minute

// AddAPIKey keeps a key; false means that the account has one with that name.
func (db *DB) AddAPIKey(ctx context.Context, k wxcast.APIKey, key string) (bool, error) {
	rows, err := db.execOnce(ctx, k.AccountID, db.q.AddAPIKey, k.AccountID, k.Name,
		wxcast.JoinScopes(k.Scopes, ","), secretHash(key),
		db.Now(), nullTime(k.ExpiresAt))
	if err != nil {
		return false, fmt.Errorf("keep the key %s: %w", k.Name, err)
	}
	return rows == 1, nil
}

type apiKeyRow struct {
	ID         int64
	AccountID  int64 `db:"account_id"`
	Name       string
	Scopes     string
	CreatedAt  time.Time    `db:"created_at"`
	ExpiresAt  sql.NullTime `db:"expires_at"`
	RevokedAt  sql.NullTime `db:"revoked_at"`
	LastUsedAt sql.NullTime `db:"last_used_at"`
}

func (r apiKeyRow) key() wxcast.APIKey {
	k := wxcast.APIKey{ID: r.ID, AccountID: r.AccountID, Name: r.Name, CreatedAt: r.CreatedAt.UTC(),
		ExpiresAt: utc(r.ExpiresAt), RevokedAt: utc(r.RevokedAt), LastUsedAt: utc(r.LastUsedAt)}
	for s := range strings.SplitSeq(r.Scopes, ",") {
		k.Scopes = append(k.Scopes, wxcast.Scope(s))
	}
	return k
}

// APIKey finds a key by its text and notes that it was used. It may have expired or been
// revoked.
func (db *DB) APIKey(ctx context.Context, key string) (_ wxcast.APIKey, found bool, err error) {
	var row apiKeyRow
	switch err := db.get(ctx, &row, db.q.FindAPIKey, secretHash(key)); {
	case errors.Is(err, ErrNotFound):
		return wxcast.APIKey{}, false, nil
	case err != nil:
		return wxcast.APIKey{}, false, fmt.Errorf("look up a key: %w", err)
	}
	k, now := row.key(), db.Now()
	if k.Good(now) && now.Sub(k.LastUsedAt) > keyUsedEvery {
		if _, err := db.exec(ctx, db.q.APIKeyUsed, k.ID, now); err != nil {
			return k, true, fmt.Errorf("note the use of key %s: %w", k.Name, err)
		}
	}
	return k, true, nil
}

// APIKeys lists an account's keys, the oldest first.
func (db *DB) APIKeys(ctx context.Context, accountID int64) ([]wxcast.APIKey, error) {
	var rows []apiKeyRow
	if err := db.list(ctx, &rows, db.q.ListAPIKeys, accountID); err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys := make([]wxcast.APIKey, len(rows))
	for i, r := range rows {
		keys[i] = r.key()
	}
	return keys, nil
}

// GoodAPIKeys counts the keys of all accounts that are good now.
func (db *DB) GoodAPIKeys(ctx context.Context) (n int64, err error) {
	return n, db.get(ctx, &n, db.q.CountGoodAPIKeys, db.Now())
}

// RevokeAPIKey ends a key; false means that the account has no such key, or no more.
func (db *DB) RevokeAPIKey(ctx context.Context, accountID int64, name string) (bool, error) {
	rows, err := db.execOnce(ctx, accountID, db.q.RevokeAPIKey, accountID, name, db.Now())
	if err != nil {
		return false, fmt.Errorf("revoke the key %s: %w", name, err)
	}
	return rows == 1, nil
}
