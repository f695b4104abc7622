package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wxcast/wxcast/config"
)

// syncConcurrency is wxcast's default; the bare client uses the same.
func syncConcurrency() (int, error) {
	c, err := config.Load(config.Sources{File: "/dev/null", Env: func(string) string { return "" }})
	if err != nil {
		return 0, err
	}
	return c.Sync.Concurrency, nil
}

// maxPeakMiB is the memory that a process may take at its peak, at any size.
const maxPeakMiB = 96

var followerColumns = []string{"account_id", "openid", "unionid", "subscribed", "subscribe_time", "subscribe_scene",
	"remark", "tags", "first_seen_at", "details_at", "unionid_asks", "sync_run_id"}

// measureSync measures first syncs, and those that follow, beside fetching the same and
// keeping nothing, and loading the same rows and fetching nothing.
func measureSync(ctx context.Context, w *world) error {
	concurrency, err := syncConcurrency()
	if err != nil {
		return err
	}
	w.say("loading %d followers, bare", w.Size)
	now := time.Now().UTC()
	load, err := w.loadBare(ctx, w.Size, "followers", followerColumns, func(i int) []any {
		openid, unionid := w.sim.FollowerIDs(i)
		return []any{1, openid, unionid, true, now, "ADD_SCENE_QR_CODE", "", "[100,101]", now, now, 0, 1}
	})
	if err != nil {
		return err
	}
	for _, latency := range w.Latencies {
		if err := w.syncAt(ctx, latency, concurrency, load); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) syncAt(ctx context.Context, latency time.Duration, concurrency int, load time.Duration) error {
	w.platform.slow(latency)
	defer w.platform.slow(0)
	w.say("fetching %d followers, bare, answers after %v", w.Size, latency)
	fetch, list, err := w.fetchAll(ctx, concurrency)
	if err != nil {
		return err
	}
	if err := w.newStore(ctx); err != nil {
		return err
	}
	naive, err := w.naiveSync(ctx)
	if err != nil {
		return err
	}
	sync := func(what string, listed, created int, more func(r *Row)) (Row, error) {
		w.say("%s, answers after %v", what, latency)
		u, err := w.run(ctx, "sync")
		if err == nil {
			err = checkSync(u, listed, created)
		}
		if err != nil {
			return Row{}, err
		}
		return w.row(what, listed, u, func(r *Row) {
			r.InFlight, r.Calls = concurrency, u.calls()
			if more != nil {
				more(r)
			}
		}), nil
	}
	first, err := sync("first", w.Size, w.Size, func(r *Row) {
		r.Ceiling, r.Naive = float64(w.Size)/max(fetch, load).Seconds(), naive
	})
	if err != nil {
		return err
	}
	again, err := sync("nothing changed", w.Size, 0, func(r *Row) { r.Ceiling = float64(w.Size) / list.Seconds() })
	if err != nil {
		return err
	}
	if latency != 0 {
		if w.atScale() && latency == 50*time.Millisecond {
			w.atMost("first sync / fetching, bare, answers after 50 ms", first.Seconds/fetch.Seconds(), 1.3, "x")
			w.atMost("nothing changed / first sync, answers after 50 ms", again.Seconds/first.Seconds, 0.05, "x")
		}
		return nil
	}
	if w.atScale() {
		w.atMost("first sync / the longer of fetching and loading, bare", first.Seconds/max(fetch, load).Seconds(), 2,
			"x")
	}
	n := w.Size / 1000
	w.sim.AddFollowers(n)
	w.sim.RemoveFollowers(n)
	changed, err := sync("0.1 % came, 0.1 % left", w.Size, n, nil)
	if err != nil {
		return err
	}
	w.atMost("peak memory of a sync", max(first.PeakMiB, again.PeakMiB, changed.PeakMiB), maxPeakMiB, "MiB")
	return nil
}

// checkSync checks the counts and that the calls were the fewest possible.
func checkSync(u usage, listed, created int) error {
	if u.number("listed") != float64(listed) || u.number("new") != float64(created) {
		return fmt.Errorf("listed %v and new %v, want %d and %d", u.out["listed"], u.out["new"], listed, created)
	}
	if made, fewest := fmt.Sprint(u.out["api_calls"]), fmt.Sprint(u.out["fewest_calls"]); strings.Replace(made,
		"user/info:0 ", "", 1) != fewest {
		return fmt.Errorf("calls %s, the fewest are %s", made, fewest)
	}
	return nil
}
