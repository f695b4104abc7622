package bench

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// measureJoin measures an import of mini users beside loading the same rows, and a join
// beside the same join by bare SQL.
func measureJoin(ctx context.Context, w *world) error {
	file, err := w.miniUsers()
	if err != nil {
		return err
	}
	var unionids []string
	for u := range w.sim.MiniUsers() {
		unionids = append(unionids, u.UnionID)
	}
	n := len(unionids)
	w.say("loading %d mini users, bare", n)
	now := time.Now().UTC()
	load, err := w.loadBare(ctx, n, "mini_users",
		[]string{"mini_id", "mini_openid", "unionid", "created_at", "updated_at"}, func(i int) []any {
			return []any{2, "m" + unionids[i], unionids[i], now, now}
		})
	if err != nil {
		return err
	}
	if err := w.newStore(ctx); err != nil {
		return err
	}
	if _, err := w.run(ctx, "sync"); err != nil {
		return err
	}
	naiveInserts, err := w.naively(ctx, func(_ string, keep func(a, b string) error, more func() bool) error {
		for i := 0; i < n && more(); i++ {
			if err := keep("m"+unionids[i], unionids[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.importTwice(ctx, file, n, load, naiveInserts); err != nil {
		return err
	}
	db, err := w.open()
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return w.joinTwice(ctx, db)
}

// importTwice measures an import, and one of the same file again.
func (w *world) importTwice(ctx context.Context, file string, n int, load time.Duration, naive float64) error {
	var peak float64
	for i, what := range []string{"import", "import, nothing changed"} {
		w.say("%s", what)
		u, err := w.run(ctx, "import", file)
		if err != nil {
			return err
		}
		if want := []int{n, 0}[i]; u.number("rows") != float64(n) || u.number("inserted") != float64(want) {
			return fmt.Errorf("%v rows, %v inserted, want %d and %d", u.out["rows"], u.out["inserted"], n, want)
		}
		r := w.row(what, n, u, func(r *Row) {
			if i == 0 {
				r.Ceiling, r.Naive = float64(n)/load.Seconds(), naive
			}
		})
		peak = max(peak, r.PeakMiB)
	}
	w.atMost("peak memory of an import", peak, maxPeakMiB, "MiB")
	return nil
}

// joinTwice measures a join, and one with nothing changed.
func (w *world) joinTwice(ctx context.Context, db *sql.DB) error {
	timed := func(statement string) (time.Duration, error) {
		begun := time.Now()
		_, err := db.ExecContext(ctx, statement)
		return time.Since(begun), err
	}
	var account, mini int64
	if err := db.QueryRowContext(ctx,
		"SELECT (SELECT account_id FROM followers LIMIT 1), (SELECT mini_id FROM mini_users LIMIT 1)").Scan(&account,
		&mini); err != nil {
		return err
	}
	join := fmt.Sprintf(" FROM followers f JOIN mini_users m ON m.mini_id = %d AND m.unionid = f.unionid WHERE f.account_id = %d AND f.subscribed", mini, account)
	if _, err := timed("ANALYZE"); err != nil {
		return err
	}
	n := 0 // warms, too
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*)"+join).Scan(&n); err != nil {
		return err
	}
	bare, err := timed("CREATE TABLE bare AS SELECT f.openid, m.mini_openid, f.unionid" + join)
	if err != nil {
		return err
	}
	count, err := timed("SELECT COUNT(*)" + join)
	if err != nil {
		return err
	}
	naive, err := w.naiveJoin(ctx, db, mini)
	if err != nil {
		return err
	}
	var seconds [2]float64
	for i, what := range []string{"join", "join, nothing changed"} {
		w.say("%s", what)
		u, err := w.run(ctx, "join")
		if err != nil {
			return err
		}
		if want := []int{n, 0}[i]; u.number("joined") != float64(n) || u.number("new") != float64(want) {
			return fmt.Errorf("%v joined, %v new, want %d and %d", u.out["joined"], u.out["new"], n, want)
		}
		seconds[i] = w.row(what, n, u, func(r *Row) {
			if i == 0 {
				r.Ceiling, r.Naive = float64(n)/bare.Seconds(), naive
			}
		}).Seconds
	}
	if w.engine == postgres && w.atScale() {
		w.atMost("first join / CREATE TABLE AS SELECT … JOIN, bare", seconds[0]/bare.Seconds(), 3, "x")
		w.atMost("join, nothing changed / counting the join, bare", seconds[1]/count.Seconds(), 1.5, "x")
	}
	return nil
}
