package bench_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// syncConcurrency is wxcast's default; the bare client uses the same.
func syncConcurrency(b *testing.B) int {
	b.Helper()
	c, err := config.Load(config.Sources{File: "/dev/null", Env: func(string) string { return "" }})
	if err != nil {
		b.Fatal(err)
	}
	return c.Sync.Concurrency
}

// A first sync, a night in which nothing changed, and one in which a thousandth
// came and a thousandth left; beside fetching the same without keeping it, and
// loading the same rows without fetching them.
func BenchmarkSync(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			n, concurrency := size(b, 1_000_000), syncConcurrency(b)
			a := newAccount(b, engine, simulator.Options{Followers: n, Seed: 5, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 0.6},
				Knobs: simulator.Knobs{DailyLimits: map[string]int64{wechat.UserGetAPI: 1 << 40}}}) // several days' worth
			latency := func(d time.Duration) {
				a.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency = simulator.Duration(d) })
			}
			fmt.Printf("\nSync of %d followers on %s, %d batches at a time\n", n, engine, concurrency)
			load := a.load(b, n)
			note("loading the same rows, bare", fmt.Sprintf("%6.1f s", load.Seconds()))

			a.newStore(b, engine)
			fetch := a.fetchAll(b, concurrency)
			note("fetching the same pages and batches, bare", fmt.Sprintf("%6.1f s", fetch.Seconds()))
			first := a.run(b, "sync")
			note("first sync", first)
			a.checkSync(b, first, n, n)
			verdict(b, "first sync / the longer of the two", first.wall.Seconds()/max(load, fetch).Seconds(), 2, "x")
			again := a.run(b, "sync")
			note("nothing changed", again)
			a.checkSync(b, again, n, 0)
			a.sim.AddFollowers(n / 1000)
			a.sim.RemoveFollowers(n / 1000)
			changed := a.run(b, "sync")
			note("0.1 % came, 0.1 % left", changed)
			a.checkSync(b, changed, n, n/1000)
			if got := changed.out["unfollowed"]; got != float64(n/1000) {
				b.Errorf("unfollowed %v", got)
			}
			verdict(b, "peak memory", max(first.peakMiB, again.peakMiB, changed.peakMiB), 96, "MiB")

			latency(50 * time.Millisecond)
			slowFetch := a.fetchAll(b, concurrency)
			note("fetching at 50 ms a call, bare", fmt.Sprintf("%6.1f s", slowFetch.Seconds()))
			a.newStore(b, engine)
			slow := a.run(b, "sync")
			note("first sync at 50 ms a call", slow)
			verdict(b, "first sync / fetching, at 50 ms a call", slow.wall.Seconds()/slowFetch.Seconds(), 1.3, "x")
			slowAgain := a.run(b, "sync")
			note("nothing changed at 50 ms a call", slowAgain)
			verdict(b, "nothing changed / first sync, at 50 ms a call", slowAgain.wall.Seconds()/slow.wall.Seconds(), 0.05, "x")
		})
	}
}

// checkSync checks the counts and that the calls were the fewest possible.
func (a *account) checkSync(b *testing.B, u usage, listed, created int) {
	b.Helper()
	if u.out["listed"] != float64(listed) || u.out["new"] != float64(created) {
		b.Errorf("listed %v and new %v, want %d and %d", u.out["listed"], u.out["new"], listed, created)
	}
	if made, fewest := fmt.Sprint(u.out["api_calls"]), fmt.Sprint(u.out["fewest_calls"]); strings.Replace(made, "user/info:0 ", "", 1) != fewest {
		b.Errorf("calls %s, the fewest are %s", made, fewest)
	}
}

// fetchAll lists all pages one after another and, beside that, gets all details,
// with nothing but net/http, and throws them away.
func (a *account) fetchAll(b *testing.B, concurrency int) time.Duration {
	b.Helper()
	token := a.token(b, b.Context())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency + 1}}
	started := time.Now()
	batches := make(chan []string, 1<<20)
	var wg sync.WaitGroup
	for range concurrency {
		wg.Go(func() {
			for batch := range batches {
				var body bytes.Buffer
				body.WriteString(`{"user_list":[`)
				for i, openid := range batch {
					if i > 0 {
						body.WriteByte(',')
					}
					fmt.Fprintf(&body, `{"openid":%q}`, openid)
				}
				body.WriteString(`]}`)
				resp, err := client.Post(a.base+"/cgi-bin/user/info/batchget?access_token="+token, "application/json", &body)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	cursor := ""
	for {
		resp, err := client.Get(a.base + "/cgi-bin/user/get?access_token=" + token + "&next_openid=" + cursor)
		if err != nil {
			b.Fatal(err)
		}
		var page struct {
			Data struct {
				OpenID []string `json:"openid"`
			} `json:"data"`
			NextOpenID string `json:"next_openid"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
		if len(page.Data.OpenID) == 0 {
			break
		}
		for i := 0; i < len(page.Data.OpenID); i += 100 {
			batches <- page.Data.OpenID[i:min(i+100, len(page.Data.OpenID))]
		}
		cursor = page.NextOpenID
	}
	close(batches)
	wg.Wait()
	return time.Since(started)
}

var followerColumns = []string{"account_id", "openid", "unionid", "subscribed", "subscribe_time", "subscribe_scene", "remark", "tags", "first_seen_at", "details_at", "unionid_asks", "sync_run_id"}

// load writes as many rows as the account has followers into the same table, by
// COPY on Postgres and by prepared inserts on SQLite, 10,000 a transaction.
func (a *account) load(b *testing.B, n int) time.Duration {
	b.Helper()
	driver, dsn := "postgres", a.url
	if path, ok := strings.CutPrefix(a.url, "sqlite://"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-32768)&_time_format=sqlite&_txlock=immediate"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	insert := "INSERT INTO followers (" + strings.Join(followerColumns, ", ") + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	if driver == "postgres" {
		insert = "COPY followers (" + strings.Join(followerColumns, ", ") + ") FROM STDIN"
	}
	const perTx = 10_000
	now := time.Now().UTC()
	started := time.Now()
	for from := 0; from < n; from += perTx {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		stmt, err := tx.Prepare(insert)
		if err != nil {
			b.Fatal(err)
		}
		for i := from; i < min(from+perTx, n); i++ {
			openid, unionid := a.sim.FollowerIDs(i)
			if _, err := stmt.Exec(1, openid, unionid, true, now, "ADD_SCENE_QR_CODE", "", "[100,101]", now, now, 0, 1); err != nil {
				b.Fatal(err)
			}
		}
		if driver == "postgres" {
			if _, err := stmt.Exec(); err != nil {
				b.Fatal(err)
			}
		}
		if err := stmt.Close(); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(started)
}
