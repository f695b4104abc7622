package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// TryLock takes the named lock for ttl, or tells who has it. A holder that does
// not renew in time loses it: that is how it dies with its process.
func (db *DB) TryLock(ctx context.Context, name, holder string, ttl time.Duration) (taken bool, by wxcast.LockHolder,
	err error) {
	ctx = within(ctx, hurried)
	now := db.Now()
	rows, err := db.exec(ctx, db.q.AcquireLock, name, holder, now, now.Add(ttl))
	if err != nil {
		return false, by, fmt.Errorf("take lock %s: %w", name, err)
	}
	if rows == 1 {
		return true, wxcast.LockHolder{Holder: holder, Since: now, Until: now.Add(ttl)}, nil
	}
	var row struct {
		Holder string
		Since  time.Time
		Until  time.Time `db:"held_until"`
	}
	err = db.get(ctx, &row, db.q.GetLock, name)
	if err != nil && !errors.Is(err, ErrNotFound) { // released this instant
		return false, by, fmt.Errorf("look up lock %s: %w", name, err)
	}
	return false, wxcast.LockHolder{Holder: row.Holder, Since: row.Since.UTC(), Until: row.Until.UTC()}, nil
}

// RenewLock extends the holder's lock; false means that it was lost to another.
func (db *DB) RenewLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	ctx = within(ctx, hurried)
	rows, err := db.exec(ctx, db.q.RenewLock, name, holder, db.Now().Add(ttl))
	return rows == 1, err
}

// Unlock releases the holder's lock; one that was lost is left alone.
func (db *DB) Unlock(ctx context.Context, name, holder string) error {
	ctx = within(ctx, hurried)
	_, err := db.exec(ctx, db.q.ReleaseLock, name, holder)
	return err
}
