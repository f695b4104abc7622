package store

import (
	"context"
	"database/sql/driver"
)

// preparedMost is how many statements each connection to SQLite keeps prepared: more than any
// loop uses, and few enough for a small process.
const preparedMost = 64

// preparingConn keeps the statements that it ran last. SQLite runs in this process, and reading
// and planning a statement takes it as long as running a short one. Where the schema changes,
// SQLite prepares them again by itself. As any connection, it is used by one caller at a time.
type preparingConn struct {
	driverConn
	kept map[string]*prepared
	uses int // so far
}

// sqliteStmt is a statement of the driver's.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// prepared is a statement, which serves one caller at a time.
type prepared struct {
	stmt  sqliteStmt
	used  int  // the use that was the last
	taken bool // its rows are being read
}

// statement is the prepared statement of a query; nil where there is none, or it is being read.
func (c *preparingConn) statement(ctx context.Context, query string) *prepared {
	c.uses++
	p := c.kept[query]
	if p == nil {
		stmt, err := c.PrepareContext(ctx, query)
		if err != nil {
			return nil // whoever runs it is told
		}
		c.dropOldest()
		p = &prepared{stmt: stmt.(sqliteStmt)}
		c.kept[query] = p
	}
	if p.taken {
		return nil
	}
	p.used = c.uses
	return p
}

// dropOldest makes room for a statement.
func (c *preparingConn) dropOldest() {
	if len(c.kept) < preparedMost {
		return
	}
	var oldest string
	for query, p := range c.kept {
		if !p.taken && (oldest == "" || p.used < c.kept[oldest].used) {
			oldest = query
		}
	}
	if p := c.kept[oldest]; p != nil {
		_ = p.stmt.Close()
		delete(c.kept, oldest)
	}
}

// ExecContext runs a statement.
func (c *preparingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result,
	error) {
	p := c.statement(ctx, query)
	if p == nil {
		return c.driverConn.ExecContext(ctx, query, args)
	}
	return p.stmt.ExecContext(ctx, args)
}

// QueryContext runs a statement that has rows.
func (c *preparingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows,
	error) {
	p := c.statement(ctx, query)
	if p == nil {
		return c.driverConn.QueryContext(ctx, query, args)
	}
	rows, err := p.stmt.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	p.taken = true
	return &preparedRows{rows, p}, nil
}

// Close ends the connection.
func (c *preparingConn) Close() error {
	for _, p := range c.kept {
		_ = p.stmt.Close()
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
