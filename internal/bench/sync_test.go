package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// A first sync, a night in which nothing changed, and one in which a thousandth
// came and a thousandth left; beside fetching the same without keeping it, and
// loading the same rows without fetching them.
func BenchmarkSync(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			n := size(b, 1_000_000)
			concurrency, err := syncConcurrency()
			if err != nil {
				b.Fatal(err)
			}
			a := newAccount(b, engine, simulator.Options{Followers: n, Seed: 5, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 0.6},
				Knobs: simulator.Knobs{DailyLimits: map[string]int64{wechat.UserGetAPI: 1 << 40}}}) // several days' worth
			latency := func(d time.Duration) {
				a.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency = simulator.Duration(d) })
			}
			fmt.Printf("\nSync of %d followers on %s, %d batches at a time\n", n, engine, concurrency)
			load := a.load(b, n)
			note("loading the same rows, bare", fmt.Sprintf("%6.1f s", load.Seconds()))

			a.newStore(b, engine)
			fetch := a.fetch(b, concurrency)
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
			slowFetch := a.fetch(b, concurrency)
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

// fetch is fetchAll.
func (a *account) fetch(b *testing.B, concurrency int) time.Duration {
	b.Helper()
	took, err := a.fetchAll(b.Context(), concurrency)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

var followerColumns = []string{"account_id", "openid", "unionid", "subscribed", "subscribe_time", "subscribe_scene", "remark", "tags", "first_seen_at", "details_at", "unionid_asks", "sync_run_id"}

// load writes as many rows as the account has followers into the same table, by
// COPY on Postgres and by prepared inserts on SQLite, 10,000 a transaction.
func (a *account) load(b *testing.B, n int) time.Duration {
	b.Helper()
	db, insert, isCopy, err := openBare(a.url, "", "followers", followerColumns...)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	now, begun := time.Now().UTC(), time.Now()
	if err := bulk(b.Context(), db, insert, isCopy, n, func(i int) []any {
		openid, unionid := a.sim.FollowerIDs(i)
		return []any{1, openid, unionid, true, now, "ADD_SCENE_QR_CODE", "", "[100,101]", now, now, 0, 1}
	}); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}
