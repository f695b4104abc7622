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

func bulkSome(ctx context.Context, db *sql.DB, statement string, isCopy bool, from, to int, row func(i int) []any) error {
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

// openBare opens a store, beside wxcast, for bulk loading; suffix makes SQLite's another
// file. insert is the statement for rows of a table, by COPY on Postgres.
func openBare(url, suffix, table string, columns ...string) (db *sql.DB, insert string, isCopy bool, err error) {
	list := strings.Join(columns, ", ")
	if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
		db, err = sql.Open("sqlite", "file:"+path+suffix+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-32768)&_time_format=sqlite&_txlock=immediate")
		insert = "INSERT INTO " + table + " (" + list + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	} else {
		db, err = sql.Open("postgres", url)
		insert, isCopy = "COPY "+table+" ("+list+") FROM STDIN", true
	}
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, insert, isCopy, err
}

// load writes as many rows as there are followers into a table with the same two indexes
// as ours, without fetching anything.
func (w *world) load(ctx context.Context) (time.Duration, error) {
	db, insert, isCopy, err := openBare(w.database, ".bare", "bare", "openid", "unionid", "subscribed", "subscribe_time", "scene", "remark", "tags")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE bare (openid TEXT PRIMARY KEY, unionid TEXT, subscribed BOOLEAN, subscribe_time TIMESTAMP, scene TEXT, remark TEXT, tags TEXT)",
		"CREATE INDEX bare_unionid ON bare (unionid)",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	now, begun := time.Now().UTC(), time.Now()
	err = bulk(ctx, db, insert, isCopy, w.Size, func(i int) []any {
		openid, unionid := w.sim.FollowerIDs(i)
		return []any{openid, unionid, true, now, "ADD_SCENE_QR_CODE", "", "[100,101]"}
	})
	return time.Since(begun), err
}
