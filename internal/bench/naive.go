package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"time"
)

// naiveFor is how long the loops run: they do the same every second.
const naiveFor = time.Second

// naively runs a loop with a table of its own, and returns how much it did a second. loop
// does some of its work, as much as more tells that there is time for.
func (w *world) naively(ctx context.Context, loop func(token string, keep func(a, b string) error,
	more func() bool) error) (perSecond float64, err error) {
	db, err := w.open()
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS naive (openid TEXT, told TEXT)"); err != nil {
		return 0, err
	}
	token, err := w.token(ctx)
	if err != nil {
		return 0, err
	}
	begun, n := time.Now(), 0
	keep := func(a, b string) error {
		n++
		_, err := db.ExecContext(ctx, "INSERT INTO naive (openid, told) VALUES ($1, $2)", a, b)
		return err
	}
	more := func() bool { return time.Since(begun) < naiveFor && ctx.Err() == nil }
	if err := loop(token, keep, more); err != nil {
		return 0, err
	}
	return float64(n) / time.Since(begun).Seconds(), ctx.Err()
}

// naiveSends is how many messages a second a loop sends: one after the other, each written
// down with an INSERT of its own.
func (w *world) naiveSends(ctx context.Context) (perSecond float64, err error) {
	url, err := w.sendURL(ctx)
	if err != nil {
		return 0, err
	}
	return w.naively(ctx, func(_ string, keep func(a, b string) error, more func() bool) error {
		for more() {
			if err := post(ctx, http.DefaultClient, url); err != nil {
				return err
			}
			if err := keep("openid", "sent"); err != nil {
				return err
			}
		}
		return nil
	})
}

// naiveSync is how many followers a second a loop brings: page, batch, batch, …, with an
// INSERT for each follower.
func (w *world) naiveSync(ctx context.Context) (perSecond float64, err error) {
	return w.naively(ctx, func(token string, keep func(a, b string) error, more func() bool) error {
		openids, _, err := w.page(ctx, http.DefaultClient, token, "")
		for from := 0; from < len(openids) && more() && err == nil; from += 100 {
			err = w.naiveBatch(ctx, token, openids[from:min(from+100, len(openids))], keep, more)
		}
		return err
	})
}

func (w *world) naiveBatch(ctx context.Context, token string, openids []string, keep func(a, b string) error,
	more func() bool) error {
	raw, err := w.details(ctx, http.DefaultClient, token, openids)
	if err != nil {
		return err
	}
	var reply struct {
		List []struct{ OpenID, UnionID string } `json:"user_info_list"`
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return err
	}
	for _, f := range reply.List {
		if !more() {
			break
		}
		if err := keep(f.OpenID, f.UnionID); err != nil {
			return err
		}
	}
	return nil
}

// naiveJoin is how many people a second a loop bridges: a SELECT and an INSERT for each.
func (w *world) naiveJoin(ctx context.Context, db *sql.DB, mini int64) (perSecond float64, err error) {
	pairs, err := readPairs(ctx, db, "SELECT openid, unionid FROM followers LIMIT 100000")
	if err != nil {
		return 0, err
	}
	return w.naively(ctx, func(_ string, keep func(a, b string) error, more func() bool) (err error) {
		for i := 0; i < len(pairs) && more() && err == nil; i++ {
			var found []pair
			if found, err = readPairs(ctx, db,
				"SELECT mini_openid, unionid FROM mini_users WHERE mini_id = $1 AND unionid = $2", mini,
				pairs[i].b); err == nil && len(found) > 0 {
				err = keep(pairs[i].a, found[0].a)
			}
		}
		return err
	})
}

type pair struct{ a, b string }

func readPairs(ctx context.Context, db *sql.DB, query string, args ...any) (all []pair, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p pair
		if err := rows.Scan(&p.a, &p.b); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}
