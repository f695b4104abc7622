package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"
)

// preparedMost is how many statements each connection keeps prepared: more than any loop uses, and
// few enough for a small process.
const preparedMost = 64

// preparingConn keeps the statements that it ran last: reading and planning a statement takes a
// database as long as running a short one. As any connection, it is used by one caller at a time.
type preparingConn struct {
	driverConn
	preparing
	kept map[string]*prepared
	uses int // so far
	// shared: sessions are handed around after all, and nothing is prepared any more; nil where that
	// cannot be.
	shared *atomic.Bool
}

// preparing is what a database wants of who prepares statements.
type preparing struct {
	// again: only a statement with arguments is prepared, and only when it is run again. Preparing
	// it is a round trip of its own.
	again bool
	// lives is how long a plan is taken for a good one; 0 for as long as there is the connection.
	lives time.Duration
}

var (
	// SQLite runs in this process. Where the schema changes, it prepares its statements again by
	// itself.
	preparingSQLite = preparing{}
	// Postgres keeps a plan that it made when a table was small.
	preparingPostgres = preparing{again: true, lives: 10 * time.Second}
)

func (p preparing) conn(c driverConn, shared *atomic.Bool) *preparingConn {
	return &preparingConn{driverConn: c, preparing: p, kept: map[string]*prepared{}, shared: shared}
}

// preparedStmt is a statement of a driver's.
type preparedStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// prepared is a statement, which serves one caller at a time.
type prepared struct {
	stmt  preparedStmt // nil where it was run once
	since time.Time    // when it was prepared, or run once
	used  int          // the use that was the last
	taken bool         // its rows are being read
}

// statement is the prepared statement of a query, and what is known of it; nil where it is run as
// it is, since it is not prepared or is being read.
func (c *preparingConn) statement(ctx context.Context, query string, args []driver.NamedValue) (preparedStmt,
	*prepared, error) {
	if c.again && len(args) == 0 || c.shared != nil && c.shared.Load() {
		return nil, nil, nil
	}
	c.uses++
	p := c.kept[query]
	if p != nil && c.lives > 0 && time.Since(p.since) > c.lives {
		if p.stmt != nil {
			if err := p.stmt.Close(); err != nil {
				return nil, nil, err
			}
		}
		delete(c.kept, query)
		p = nil
	}
	isNew := p == nil
	if isNew {
		if err := c.dropOldest(); err != nil {
			return nil, nil, err
		}
		p = &prepared{since: time.Now()}
		c.kept[query] = p
	}
	p.used = c.uses
	if p.taken || isNew && c.again {
		return nil, nil, nil
	}
	if p.stmt == nil {
		stmt, err := c.PrepareContext(ctx, query)
		if err != nil {
			delete(c.kept, query)
			return nil, nil, c.noted(err)
		}
		p.stmt = stmt.(preparedStmt)
	}
	return p.stmt, p, nil
}

// noted looks at an error of a prepared statement's. Where the session does not have it, somebody
// in between hands sessions around whom we took for none: whoever tries again gets by without.
func (c *preparingConn) noted(err error) error {
	if isNotPrepared(err) && c.shared != nil {
		c.shared.Store(true)
	}
	return err
}

// dropOldest makes room for a statement.
func (c *preparingConn) dropOldest() error {
	if len(c.kept) < preparedMost {
		return nil
	}
	var oldest string
	for query, p := range c.kept {
		if !p.taken && (oldest == "" || p.used < c.kept[oldest].used) {
			oldest = query
		}
	}
	p := c.kept[oldest]
	if p == nil {
		return nil
	}
	delete(c.kept, oldest)
	if p.stmt == nil {
		return nil
	}
	return p.stmt.Close()
}

// ExecContext runs a statement.
func (c *preparingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result,
	error) {
	stmt, _, err := c.statement(ctx, query, args)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return c.driverConn.ExecContext(ctx, query, args)
	default:
		result, err := stmt.ExecContext(ctx, args)
		return result, c.noted(err)
	}
}

// QueryContext runs a statement that has rows.
func (c *preparingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows,
	error) {
	stmt, p, err := c.statement(ctx, query, args)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return c.driverConn.QueryContext(ctx, query, args)
	}
	rows, err := stmt.QueryContext(ctx, args)
	if err != nil {
		return nil, c.noted(err)
	}
	p.taken = true
	return &preparedRows{rows, p}, nil
}

// Close ends the connection.
func (c *preparingConn) Close() error {
	for _, p := range c.kept {
		if p.stmt != nil {
			_ = p.stmt.Close()
		}
	}
	clear(c.kept)
	return c.driverConn.Close()
}

// preparedRows are a prepared statement's.
type preparedRows struct {
	driver.Rows
	of *prepared
}

// Close lets the statement serve the next.
func (r *preparedRows) Close() error {
	r.of.taken = false
	return r.Rows.Close()
}

// ownSession tells whether a connection has a session of Postgres's for itself, as prepared
// statements need it. A pooler in transaction mode hands sessions around: it tells its clients a
// number of its own where Postgres tells the session's, by which statements are cancelled. Who
// only passes bytes on, as HAProxy does, passes that on, too.
func ownSession(ctx context.Context, conn postgresConn) (bool, error) {
	// The driver keeps the number to itself. Were it called otherwise, nothing would be prepared.
	told := reflect.Indirect(reflect.ValueOf(conn)).FieldByName("pid")
	if !told.IsValid() || !told.CanInt() {
		return false, nil
	}
	rows, err := conn.QueryContext(ctx, "SELECT pg_backend_pid()", nil)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	is := make([]driver.Value, 1)
	if err := rows.Next(is); err != nil {
		return false, err
	}
	return fmt.Sprint(is[0]) == fmt.Sprint(told.Int()), nil
}
