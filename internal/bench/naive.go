package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
)

// naiveFor is how long the loops run: they do the same every second.
const naiveFor = 2 * time.Second

// naiveTable opens the store with a table of the loop's own.
func (w *world) naiveTable(ctx context.Context) (*sql.DB, string, error) {
	driver, dsn, insert := "postgres", w.database, "INSERT INTO naive (openid, unionid) VALUES ($1, $2)"
	if path, ok := strings.CutPrefix(w.database, "sqlite://"); ok {
		driver, dsn = "sqlite", "file:"+path+".naive"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, "", err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS naive (openid TEXT, unionid TEXT)"); err != nil {
		_ = db.Close()
		return nil, "", err
	}
	return db, insert, nil
}

// naiveSends is how many messages a second a loop sends: one after the other, each written
// down with an INSERT of its own.
func (w *world) naiveSends(ctx context.Context) (perSecond float64, err error) {
	db, insert, err := w.naiveTable(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	token, err := w.token(ctx)
	if err != nil {
		return 0, err
	}
	begun, n := time.Now(), 0
	for ; time.Since(begun) < naiveFor && ctx.Err() == nil; n++ {
		if err := post(ctx, http.DefaultClient, w.base+wechat.TemplateSendAPI+"?access_token="+token); err != nil {
			return 0, err
		}
		if _, err := db.ExecContext(ctx, insert, "openid", "sent"); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(begun).Seconds(), ctx.Err()
}

// naiveSync is how many followers a second a loop brings: page, batch, batch, …, with an
// INSERT for each follower.
func (w *world) naiveSync(ctx context.Context) (perSecond float64, err error) {
	db, insert, err := w.naiveTable(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	token, err := w.token(ctx)
	if err != nil {
		return 0, err
	}
	begun, n := time.Now(), 0
	openids, _, err := w.page(ctx, http.DefaultClient, token, "")
	for from := 0; from < len(openids) && time.Since(begun) < naiveFor && err == nil; from += 100 {
		var raw []byte
		if raw, err = w.details(ctx, http.DefaultClient, token, openids[from:min(from+100, len(openids))]); err != nil {
			break
		}
		var reply struct {
			List []struct{ OpenID, UnionID string } `json:"user_info_list"`
		}
		if err = json.Unmarshal(raw, &reply); err != nil {
			break
		}
		for _, f := range reply.List {
			if _, err = db.ExecContext(ctx, insert, f.OpenID, f.UnionID); err != nil {
				return 0, err
			}
			n++
			if time.Since(begun) > naiveFor {
				break
			}
		}
	}
	return float64(n) / time.Since(begun).Seconds(), err
}
