package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// load is a prepared statement for each of many rows; isCopy: it is a COPY, which wants to be
// ended.
type load struct {
	statement string
	isCopy    bool
	row       func(i int) []any
}

// bulk writes n rows, 10,000 a transaction.
func (l load) bulk(ctx context.Context, db *sql.DB, n int) error {
	const perTx = 10_000
	for from := 0; from < n; from += perTx {
		if err := l.some(ctx, db, from, min(from+perTx, n)); err != nil {
			return fmt.Errorf("bare loading: %w", err)
		}
	}
	return nil
}

func (l load) some(ctx context.Context, db *sql.DB, from, to int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	stmt, err := tx.PrepareContext(ctx, l.statement)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		if _, err := stmt.ExecContext(ctx, l.row(i)...); err != nil {
			return err
		}
	}
	if l.isCopy {
		if _, err := stmt.ExecContext(ctx); err != nil {
			return err
		}
	}
	if err := stmt.Close(); err != nil {
		return err
	}
	return tx.Commit()
}

// insertInto is the statement that loads rows fastest: COPY on Postgres.
func (w *world) insertInto(table string, columns ...string) (statement string, isCopy bool) {
	list := strings.Join(columns, ", ")
	if w.engine == postgres {
		return "COPY " + table + " (" + list + ") FROM STDIN", true
	}
	return "INSERT INTO " + table + " (" + list + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")", false
}

// loadBare loads n rows into a table of ours, in a store of its own, and tells how long
// that took.
func (w *world) loadBare(ctx context.Context, n int, table string, columns []string,
	row func(i int) []any) (time.Duration, error) {
	if err := w.newStore(ctx); err != nil {
		return 0, err
	}
	db, err := w.open()
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	statement, isCopy := w.insertInto(table, columns...)
	begun := time.Now()
	err = load{statement, isCopy, row}.bulk(ctx, db, n)
	return time.Since(begun), err
}
