package world

import (
	"context"
	"database/sql/driver"
	"regexp"
	"strings"
	"sync"
)

// file is a store on SQLite: one transaction at a time has the turn to write to it. SQLite waits for
// that with the operating system's clock.
type file struct{ writing turn }

func newFile(*world) engine { return file{make(turn, 1)} }

func (f file) through(ctx context.Context, c storeDriver) (storeDriver, error) {
	// Who finds the file locked all the same tries again in the world's time: SQLite would sleep in
	// the operating system's, and keep the one processor that everybody has.
	_, err := c.ExecContext(ctx, "PRAGMA busy_timeout = 0", nil)
	return &fileConn{storeDriver: c, writing: f.writing}, err
}

type fileConn struct {
	storeDriver
	writing turn
	inTx    bool
}

// inChange finds a word of statements that write.
var inChange = regexp.MustCompile(`(?i)\b(INSERT|UPDATE|DELETE)\b`)

// changes tells whether a statement writes.
func changes(query string) bool {
	return !strings.HasPrefix(query, "SELECT") && inChange.MatchString(query)
}

func (c *fileConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.inTx || !changes(query) {
		return c.storeDriver.QueryContext(ctx, query, args)
	}
	if err := c.writing.take(ctx); err != nil {
		return nil, err
	}
	rows, err := c.storeDriver.QueryContext(ctx, query, args)
	if err != nil {
		c.writing.leave()
		return nil, err
	}
	return &writtenRows{Rows: rows, writing: c.writing}, nil
}

// writtenRows are what a statement returns that writes: it is over when they are read.
type writtenRows struct {
	driver.Rows
	writing turn
	once    sync.Once
}

func (r *writtenRows) Close() error {
	defer r.once.Do(r.writing.leave)
	return r.Rows.Close()
}

func (c *fileConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !c.inTx {
		if err := c.writing.take(ctx); err != nil {
			return nil, err
		}
		defer c.writing.leave()
	}
	return c.storeDriver.ExecContext(ctx, query, args)
}

func (c *fileConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.writing.take(ctx); err != nil {
		return nil, err
	}
	tx, err := c.storeDriver.BeginTx(ctx, opts)
	if err != nil {
		c.writing.leave()
		return nil, err
	}
	c.inTx = true
	return fileTx{tx, c}, nil
}

type fileTx struct {
	driver.Tx
	of *fileConn
}

func (t fileTx) Commit() error {
	defer t.over()
	return t.Tx.Commit()
}

func (t fileTx) Rollback() error {
	defer t.over()
	return t.Tx.Rollback()
}

func (t fileTx) over() {
	t.of.inTx = false
	t.of.writing.leave()
}
