package store

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/jmoiron/sqlx"
)

// writtenWithin is how long one batch of an import or a join may hold SQLite's one writer, and
// writtenMost how many rows it is at most. Rows come in at random places of an index: fewer at
// a time write most of its pages again and again. WeChat waits five seconds for an answer.
const (
	writtenWithin = 300 * time.Millisecond
	writtenMost   = 10_000
)

func newLargeBatch() *batch { return &batch{4 * batchLeast, writtenMost, writtenWithin} }

// querier runs statements: a transaction, or a connection.
type querier interface {
	sqlx.ExecerContext
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

// aside is for work with temporary tables on SQLite: f runs on a connection of its own, where
// it holds up no writer. drop removes its tables; where it cannot, the connection goes with
// them.
func (db *DB) aside(ctx context.Context, drop string, f func(conn querier) error) error {
	conn, err := db.staging.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), drop); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		_ = conn.Close()
	}()
	return f(conn)
}
