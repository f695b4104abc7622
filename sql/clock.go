package store

import (
	"sync/atomic"
	"time"
)

// moved is how far ahead of the clock all stores of this process are.
var moved atomic.Int64

// MoveClock sets how far ahead of the clock all stores of this process are, for tests of
// what happens over days.
func MoveClock(ahead time.Duration) { moved.Store(int64(ahead)) }

// Now is the time by the clock that all workers share: the Postgres server's,
// or this machine's on SQLite. In UTC, with the microseconds that both engines keep.
func (db *DB) Now() time.Time {
	return time.Now().Add(time.Duration(db.clockOffset.Load() + moved.Load())).UTC().Truncate(time.Microsecond)
}
