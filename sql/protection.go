package store

import "context"

// Protection is how the connection to the store is protected against who is in between.
type Protection string

// The kinds of protection.
const (
	OnThisMachine Protection = "here"       // it does not leave the machine
	NotEncrypted  Protection = "plain"      // everybody in between can read it
	Encrypted     Protection = "unverified" // the server was taken at its word
	Verified      Protection = "verified"   // and it is the one that was meant
)

// Protection asks Postgres how the connection is protected.
func (db *DB) Protection(ctx context.Context) (Protection, error) {
	if db.engine == SQLite || db.local {
		return OnThisMachine, nil
	}
	var encrypted bool
	if err := db.get(ctx, &encrypted, db.q.IsEncrypted); err != nil {
		return "", err
	}
	switch {
	case !encrypted:
		return NotEncrypted, nil
	case db.verifies:
		return Verified, nil
	}
	return Encrypted, nil
}
