package world

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lib/pq"
)

// The limits that the store sets in each transaction: how long it waits for a lock, and how long a
// process may stand still within one until Postgres ends it. The world holds to them in its own time.
const (
	lockMost = 5 * time.Second
	idleMost = 10 * time.Second
)

// server is a store on Postgres. One statement runs at a time, so that the same happens each time;
// transactions run beside each other, and wait for each other's locks, as ever.
type server struct {
	running turn
	reached func(state string)
}

func newServer(w *world) engine { return server{make(turn, 1), w.reached} }

// worldsClock gives a database the world's clock, for the connections that are opened from then on:
// clock_timestamp() and now() are found in a schema of their own before the server's.
const worldsClock = `CREATE SCHEMA clock;
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$SELECT COALESCE(NULLIF(current_setting('world.now', TRUE), '')::timestamptz, pg_catalog.clock_timestamp())$$;
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$SELECT clock.clock_timestamp()$$;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = public, clock, pg_catalog', current_database());
END $$`

// setWorldsClock gives the database of a URL the world's clock.
func setWorldsClock(ctx context.Context, url string) error {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, worldsClock)
	return err
}

func (s server) through(_ context.Context, c storeDriver) (storeDriver, error) {
	return &serverConn{storeDriver: c, server: s}, nil
}

type serverConn struct {
	storeDriver
	server
	tx     context.Context // of the transaction that it is in; nil for none
	marked bool            // there is a savepoint before the last statement
	idle   *time.Timer     // of a transaction, between its statements
}

// CheckNamedValue makes a value one that the driver takes.
func (c *serverConn) CheckNamedValue(v *driver.NamedValue) error {
	return c.storeDriver.(driver.NamedValueChecker).CheckNamedValue(v)
}

// rest is how long somebody who waits for a lock lets others go on before trying again.
const rest = 700 * time.Microsecond

// run runs a statement, again and again while another transaction has what it must lock. That one
// goes on in the world's time, which passes between the tries alone.
func (c *serverConn) run(ctx context.Context, statement func() error) error {
	if c.idle != nil && !c.idle.Stop() {
		return driver.ErrBadConn // Postgres has ended it
	}
	ctx, end := within(ctx, c.tx)
	defer end()
	until := time.Now().Add(lockMost)
	for first := true; ; first = false {
		err := c.once(ctx, statement)
		if !isLocked(err) {
			c.rests()
			return err
		}
		if time.Now().After(until) {
			c.reached(lockNotHad)
			c.rests()
			return err
		}
		if first {
			c.reached(waitedForLock)
		}
		wait(ctx, rest)
		if ctx.Err() != nil {
			c.rests()
			return ctx.Err()
		}
	}
}

// isLocked tells whether another transaction has what a statement must lock.
func isLocked(err error) bool {
	var refused *pq.Error
	return errors.As(err, &refused) && refused.Code == "55P03"
}

// rests lets Postgres's patience with an idle transaction begin.
func (c *serverConn) rests() {
	c.idle = nil
	if c.tx != nil {
		c.idle = time.AfterFunc(idleMost, func() {
			c.reached(endedIdle)
			_ = c.storeDriver.Close()
		})
	}
}

// once runs a statement once, at the world's time. Who must wait for a lock is told at once, and
// stands then where it stood before.
func (c *serverConn) once(ctx context.Context, statement func() error) error {
	if err := c.running.take(ctx); err != nil {
		return err
	}
	defer c.running.leave()
	before := fmt.Sprintf("SET world.now = '%s'; ", time.Now().UTC().Format("2006-01-02 15:04:05.999999Z07:00"))
	switch {
	case c.tx == nil:
		before += "SET lock_timeout = 1"
	case c.marked:
		before += "RELEASE SAVEPOINT tried; SET LOCAL lock_timeout = 1; SAVEPOINT tried"
	default:
		before += "SET LOCAL lock_timeout = 1; SAVEPOINT tried"
	}
	if _, err := c.storeDriver.ExecContext(ctx, before, nil); err != nil {
		return err
	}
	c.marked = c.tx != nil
	err := statement()
	if isLocked(err) && c.tx != nil {
		if _, back := c.storeDriver.ExecContext(ctx, "ROLLBACK TO SAVEPOINT tried", nil); back != nil {
			return back
		}
	}
	return err
}

func (c *serverConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	var all *readRows
	err := c.run(ctx, func() error {
		rows, err := c.storeDriver.QueryContext(ctx, query, args)
		if err != nil {
			return err
		}
		all, err = readAll(rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (c *serverConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	var result driver.Result
	err := c.run(ctx, func() (err error) {
		result, err = c.storeDriver.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *serverConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.running.take(ctx); err != nil {
		return nil, err
	}
	defer c.running.leave()
	tx, err := c.storeDriver.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.tx, c.marked = ctx, false
	c.rests()
	return serverTx{tx, c}, nil
}

type serverTx struct {
	driver.Tx
	of *serverConn
}

func (t serverTx) Commit() error { return t.end(t.Tx.Commit) }

func (t serverTx) Rollback() error { return t.end(t.Tx.Rollback) }

func (t serverTx) end(how func() error) error {
	c := t.of
	c.tx = nil
	if !c.idle.Stop() {
		return driver.ErrBadConn
	}
	c.idle = nil
	if err := c.running.take(context.Background()); err != nil {
		return err
	}
	defer c.running.leave()
	return how()
}

// readRows are rows that have been read: what reads them later must not wait for the server.
type readRows struct {
	columns []string
	values  [][]driver.Value
}

func readAll(rows driver.Rows) (*readRows, error) {
	all := &readRows{columns: rows.Columns()}
	for {
		values := make([]driver.Value, len(all.columns))
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return all, rows.Close()
		case err != nil:
			return nil, errors.Join(err, rows.Close())
		}
		for i, v := range values {
			if raw, ok := v.([]byte); ok {
				values[i] = bytes.Clone(raw)
			}
		}
		all.values = append(all.values, values)
	}
}

func (r *readRows) Columns() []string { return r.columns }

func (r *readRows) Close() error { return nil }

func (r *readRows) Next(into []driver.Value) error {
	if len(r.values) == 0 {
		return io.EOF
	}
	copy(into, r.values[0])
	r.values = r.values[1:]
	return nil
}
