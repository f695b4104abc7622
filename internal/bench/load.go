package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// bulk writes n rows with a prepared statement, 10,000 a transaction; isCopy: it is a COPY,
// which wants to be ended.
func bulk(ctx context.Context, db *sql.DB, statement string, isCopy bool, n int, row func(i int) []any) error {
	const perTx = 10_000
	for from := 0; from < n; from += perTx {
		if err := bulkSome(ctx, db, statement, isCopy, from, min(from+perTx, n), row); err != nil {
			return fmt.Errorf("bare loading: %w", err)
		}
	}
	return nil
}

func bulkSome(ctx context.Context, db *sql.DB, statement string, isCopy bool, from, to int,
	row func(i int) []any) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	stmt, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		if _, err := stmt.ExecContext(ctx, row(i)...); err != nil {
			return err
		}
	}
	if isCopy {
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
	err = bulk(ctx, db, statement, isCopy, n, row)
	return time.Since(begun), err
}
