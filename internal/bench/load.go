package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// load writes as many rows as there are followers into a table with the same two indexes
// as ours, without fetching anything: by COPY on Postgres, by a prepared INSERT on SQLite,
// 10,000 a transaction.
func (w *world) load(ctx context.Context) (time.Duration, error) {
	driver, dsn, insert := "postgres", w.database, "COPY bare (openid, unionid, subscribed, subscribe_time, scene, remark, tags) FROM STDIN"
	if path, ok := strings.CutPrefix(w.database, "sqlite://"); ok {
		driver, dsn = "sqlite", "file:"+path+".bare?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-16384)&_time_format=sqlite&_txlock=immediate"
		insert = "INSERT INTO bare (openid, unionid, subscribed, subscribe_time, scene, remark, tags) VALUES (?, ?, ?, ?, ?, ?, ?)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"CREATE TABLE bare (openid TEXT PRIMARY KEY, unionid TEXT, subscribed BOOLEAN, subscribe_time TIMESTAMP, scene TEXT, remark TEXT, tags TEXT)",
		"CREATE INDEX bare_unionid ON bare (unionid)",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	const perTx = 10_000
	now, begun := time.Now().UTC(), time.Now()
	for from := 0; from < w.Size; from += perTx {
		if err := w.loadSome(ctx, db, insert, driver == "postgres", from, min(from+perTx, w.Size), now); err != nil {
			return 0, fmt.Errorf("bare loading: %w", err)
		}
	}
	return time.Since(begun), nil
}

func (w *world) loadSome(ctx context.Context, db *sql.DB, insert string, isCopy bool, from, to int, now time.Time) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	stmt, err := tx.PrepareContext(ctx, insert)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		openid, unionid := w.sim.FollowerIDs(i)
		if _, err := stmt.ExecContext(ctx, openid, unionid, true, now, "ADD_SCENE_QR_CODE", "", "[100,101]"); err != nil {
			return err
		}
	}
	if isCopy { // ends it
		if _, err := stmt.ExecContext(ctx); err != nil {
			return err
		}
	}
	if err := stmt.Close(); err != nil {
		return err
	}
	return tx.Commit()
}
