package pgserver

import (
	"context"
	"database/sql"
	"time"
)

// Clock is the clock of one database, which can be set: clock_timestamp() and now() are found
// in a schema of their own before the server's.
type Clock struct{ db *sql.DB }

// NewClock gives a database such a clock, for the connections that are opened from then on.
func NewClock(ctx context.Context, database string) (*Clock, error) {
	db, err := sql.Open("postgres", database)
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, `CREATE SCHEMA clock;
CREATE TABLE clock.ahead (by INTERVAL NOT NULL);
INSERT INTO clock.ahead VALUES ('0');
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + by FROM clock.ahead';
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + by FROM clock.ahead';
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = clock, pg_catalog, public', current_database());
END $$`)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &Clock{db}, nil
}

// Set sets it so far ahead of the server's.
func (c *Clock) Set(ctx context.Context, ahead time.Duration) error {
	_, err := c.db.ExecContext(ctx, "UPDATE clock.ahead SET by = $1 * INTERVAL '1 microsecond'", ahead.Microseconds())
	return err
}

// Close ends the connection with which it is set.
func (c *Clock) Close() error { return c.db.Close() }
