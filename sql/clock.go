package store

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// clock tells the store's time in this process: what the store said once, and what has gone
// by since on this machine's monotonic clock, which nobody sets. So a wall clock that jumps
// changes nothing here.
type clock struct {
	mu    sync.Mutex
	said  time.Time     // the store's time,
	at    time.Time     // when this machine's clocks showed that,
	doubt time.Duration // and by how much it may be wrong
	// jumped is when the store's clock was last found to be elsewhere than it had to be.
	jumped time.Time
	// pretended moves the clock on, and skewed makes the store's jump: both for tests.
	pretended, skewed atomic.Int64
}

const (
	// drift is how far two good clocks come apart in a second.
	drift = 200 * time.Microsecond
	// jump is more than a clock is ever wrong by that nobody sets.
	jump = 2 * time.Second
)

// moved is how far this process's wall clock is ahead, for tests and the demo of what happens over
// days.
var moved atomic.Int64

// MoveClock sets how far ahead this process's wall clock is. Where the store is SQLite that is
// the store's clock, too; a Postgres has its own.
func MoveClock(ahead time.Duration) { moved.Store(int64(ahead)) }

// wall is this process's wall clock.
func wall() time.Time { return time.Now().Round(0).Add(time.Duration(moved.Load())) }

// expect is what the store's clock shows at a moment of this machine's.
func (c *clock) expect(at time.Time) time.Time { return c.said.Add(at.Sub(c.at)) }

// hear takes in that the store's clock showed said at some moment from asked to now.
func (c *clock) hear(said, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	half := now.Sub(asked) / 2
	middle := asked.Add(half)
	if c.at.IsZero() {
		c.said, c.at, c.doubt = said, middle, half
		return
	}
	off := said.Sub(c.expect(middle)).Abs()
	doubt := c.doubt + time.Duration(middle.Sub(c.at).Seconds()*float64(drift))
	if half <= doubt || off > half+doubt {
		c.said, c.at, c.doubt = said, middle, half
	}
	if off > half+jump {
		c.jumped = now
	}
}

func (c *clock) known() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.at.IsZero()
}

// steady tells whether the store's clock has gone as it had to for so long.
func (c *clock) steady(long time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jumped.IsZero() || time.Since(c.jumped) > long
}

// ClockJumped is when, by this machine's clock, the store's was last found to be elsewhere than it
// had to be: it was set, or this process stood still and its clocks with it. Zero for never.
func (db *DB) ClockJumped() time.Time {
	db.clock.mu.Lock()
	defer db.clock.mu.Unlock()
	return db.clock.jumped
}

// Now is the time by the clock that all workers share: the Postgres server's, or this
// machine's on SQLite. In UTC, with the microseconds that both engines keep.
func (db *DB) Now() time.Time {
	pretended := time.Duration(db.clock.pretended.Load())
	if db.engine == SQLite {
		return db.machineTime().Add(pretended)
	}
	db.clock.mu.Lock()
	defer db.clock.mu.Unlock()
	return db.clock.expect(time.Now()).Add(pretended).UTC().Truncate(time.Microsecond)
}

// machineTime is the store's clock where that is this machine's.
func (db *DB) machineTime() time.Time {
	return wall().Add(time.Duration(db.clock.skewed.Load())).UTC().Truncate(time.Microsecond)
}

// clockSamples is how often the clock is asked when a store is opened: on a busy machine one
// answer in a few comes late, and half of a late round trip is what it would be wrong by.
const clockSamples = 4

// SyncClock asks for the store's time again.
func (db *DB) SyncClock(ctx context.Context) error {
	samples := clockSamples
	if db.clock.known() {
		samples = 1
	}
	for range samples {
		asked := time.Now()
		if db.engine == SQLite {
			if err := db.write.PingContext(ctx); err != nil {
				return err
			}
			db.clock.hear(db.machineTime(), time.Now())
			return nil
		}
		var said time.Time
		if err := db.read.GetContext(ctx, &said, "SELECT clock_timestamp()"); err != nil {
			return err
		}
		db.clock.hear(said.Add(time.Duration(db.clock.skewed.Load())), asked)
	}
	return nil
}

// clockEvery is how often KeepClock asks.
const clockEvery = time.Second

// KeepClock asks for the store's time again and again, until ctx ends: a machine may sleep, and
// its monotonic clock with it.
func (db *DB) KeepClock(ctx context.Context) {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			ctx, cancel := context.WithTimeout(ctx, clockEvery)
			_ = db.SyncClock(ctx) // until the next time what is known serves
			cancel()
		}
	}
}

// fromNow is the parameter of a statement that writes a time so long from now by the store's
// own clock, whatever this process knows of it: microseconds, which Postgres adds to its now(),
// or the time where the store's clock is this machine's.
func (db *DB) fromNow(d time.Duration) any {
	if db.engine == SQLite {
		return db.Now().Add(d)
	}
	return (d + time.Duration(db.clock.pretended.Load()+db.clock.skewed.Load())).Microseconds()
}

// clockColumn is the store's time in a query; NULL where it is this machine's.
func (e Engine) clockColumn() string {
	if e == SQLite {
		return "NULL"
	}
	return "clock_timestamp()"
}

// told is the store's time that a clockColumn showed, in a query that was asked then.
func (db *DB) told(column sql.NullTime, asked time.Time) time.Time {
	said := db.machineTime()
	if column.Valid {
		said = utc(column).Add(time.Duration(db.clock.skewed.Load()))
	}
	db.clock.hear(said, asked)
	return said.Add(time.Duration(db.clock.pretended.Load())).Truncate(time.Microsecond)
}

// nowIn is the store's time inside a transaction.
func (db *DB) nowIn(ctx context.Context, tx *sqlx.Tx) (time.Time, error) {
	asked := time.Now()
	var column sql.NullTime
	if db.engine == Postgres {
		if err := tx.GetContext(ctx, &column, "SELECT clock_timestamp()"); err != nil {
			return time.Time{}, err
		}
	}
	return db.told(column, asked), nil
}
