package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// rounds of the bare client and of wxcast, one after the other, so that both meet the
	// machine's moods; of which the medians count.
	rounds = 3
	// roundSize is how many messages a round has at most.
	roundSize = 100_000
	// slowFor is about how long a measurement with latency takes.
	slowFor = 10 * time.Second
	// asFast is a rate that nobody reaches.
	asFast = 100_000
	// asItGoes is what broadcasts with it are called.
	asItGoes = "as fast as it goes"
)

// measureBroadcast measures broadcasts beside a bare client that posts a body of that kind
// again and again to the same server and records nothing.
func measureBroadcast(ctx context.Context, w *world) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	for _, latency := range w.Latencies {
		var err error
		if latency == 0 {
			err = w.broadcastRounds(ctx)
		} else {
			err = w.broadcastAt(ctx, latency)
		}
		if err != nil {
			return err
		}
	}
	if slices.Contains(w.Latencies, 50*time.Millisecond) {
		if err := w.broadcastWide(ctx); err != nil {
			return err
		}
	}
	return w.broadcastToAll(ctx)
}

// broadcastRounds measures without latency, where the machine itself is the limit.
func (w *world) broadcastRounds(ctx context.Context) error {
	n := min(w.Size, roundSize)
	bare, ours := make([]usage, rounds), make([]usage, rounds)
	var err error
	for i := range rounds {
		w.say("%d messages, round %d of %d", n, i+1, rounds)
		if bare[i], err = w.bare(ctx, w.Connections, n); err != nil {
			return err
		}
		if ours[i], err = w.broadcast(ctx, job{name: fmt.Sprintf("round-%d", i), rate: asFast, n: n, processes: 1,
			inFlight: w.Connections}); err != nil {
			return err
		}
	}
	naive, err := w.naiveSends(ctx)
	if err != nil {
		return err
	}
	seconds := func(u usage) float64 { return u.wall.Seconds() }
	typical := byMedian(ours, seconds)
	r := w.row(asItGoes, n, typical, func(r *Row) {
		r.InFlight, r.Calls, r.Ceiling, r.Naive = w.Connections, int64(n), float64(n)/median(bare, seconds), naive
	})
	if n < roundSize { // too much of a beginning and an end
		return nil
	}
	w.atLeast("broadcast / bare client, medians", r.Ratio, map[string]float64{postgres: 0.6, sqlite: 0.35}[w.engine],
		"x")
	if w.engine == postgres && typical.postgres > 0 {
		cpu := func(u usage) float64 { return (u.cpu + u.postgres).Seconds() }
		w.atMost("CPU of a message, Postgres's too / bare client's, medians", median(ours, cpu)/median(bare, cpu), 2.5,
			"x")
	}
	return nil
}

// broadcastAt measures with latency, where the calls in flight are the limit.
func (w *world) broadcastAt(ctx context.Context, latency time.Duration) error {
	w.platform.slow(latency)
	defer w.platform.slow(0)
	n := min(w.Size, int(float64(w.Connections)*slowFor.Seconds()/latency.Seconds()))
	w.say("%d messages, answers after %v", n, latency)
	bare, err := w.bare(ctx, w.Connections, n)
	if err != nil {
		return err
	}
	naive, err := w.naiveSends(ctx)
	if err != nil {
		return err
	}
	u, err := w.broadcast(ctx, job{name: "after-" + latency.String(), rate: asFast, n: n, processes: 1,
		inFlight: w.Connections})
	if err != nil {
		return err
	}
	w.row(asItGoes, n, u, func(r *Row) {
		r.InFlight, r.Calls, r.Ceiling, r.Naive = w.Connections, int64(n), float64(n)/bare.wall.Seconds(), naive
	})
	return nil
}

// broadcastWide measures 200 calls in flight of 50 ms each beside what they could do.
func (w *world) broadcastWide(ctx context.Context) error {
	const wide, latency = 200, 50 * time.Millisecond
	w.platform.slow(latency)
	defer w.platform.slow(0)
	n := min(w.Size, roundSize)
	w.say("%d messages, answers after %v, %d in flight", n, latency, wide)
	u, err := w.broadcast(ctx, job{name: "wide", rate: asFast, n: n, processes: 1, inFlight: wide})
	if err != nil {
		return err
	}
	r := w.row(asItGoes, n, u, func(r *Row) {
		r.InFlight, r.Calls, r.Ceiling = wide, int64(n), wide/latency.Seconds()
	})
	if n == roundSize {
		w.atLeast("of what 200 calls of 50 ms in flight can do", r.Ratio, 0.95, "x")
	}
	return nil
}

// broadcastToAll measures one to everybody: its memory, and how soon the first message
// leaves.
func (w *world) broadcastToAll(ctx context.Context) error {
	n := w.Size
	w.say("%d messages, beside their rows by one bare INSERT … SELECT", n)
	insert, err := w.insertDeliveries(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	u, err := w.broadcast(ctx, job{name: "everybody", rate: asFast, n: n, processes: 1, inFlight: w.Connections})
	if err != nil {
		return err
	}
	first := time.Unix(0, w.platform.first.Load()).Sub(begun).Seconds()
	size, err := w.databaseMiB(ctx)
	if err != nil {
		return err
	}
	w.row("to everybody", n, u, func(r *Row) {
		r.InFlight, r.Calls, r.DatabaseMiB = w.Connections, int64(n), size
	})
	w.atMost("seconds to the first of all messages", first, max(3, insert.Seconds()/10), "s")
	w.atMost("peak memory of a broadcast", u.peakMiB, maxPeakMiB, "MiB")
	return nil
}

// insertDeliveries times one bare statement that makes a row for every recipient, and
// takes it back.
func (w *world) insertDeliveries(ctx context.Context) (time.Duration, error) {
	db, err := w.open()
	if err != nil {
		return 0, err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	begun := time.Now()
	if _, err := tx.ExecContext(ctx,
		"INSERT INTO deliveries (account_id, broadcast_id, recipient, channel) SELECT account_id, 999999, openid, 'template' FROM bridges"); err != nil {
		return 0, err
	}
	took := time.Since(begun)
	if err := tx.Rollback(); err != nil || w.engine != postgres {
		return took, err
	}
	_, err = db.ExecContext(ctx, "VACUUM deliveries") // the room that the dead rows take
	return took, err
}

// spec writes a spec file for n recipients.
func (w *world) spec(name string, rate, n int) (file string, err error) {
	file = filepath.Join(w.dir, name+".yaml")
	text := fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: 上新提醒, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/sale/index?from=oa&u={{ .mini_openid }}\"}\nrate: %d\naudience: {limit: %d}\n", name, w.sim.TemplateID, rate, n)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// inFlight is the environment with so many messages in flight.
func (w *world) inFlight(n int) []string {
	return append(slices.Clip(w.env), "WXCAST_BROADCAST_CONCURRENCY="+strconv.Itoa(n))
}

// job is a broadcast to measure.
type job struct {
	name      string
	rate, n   int
	processes int  // at once
	inFlight  int  // messages of each
	subscribe bool // by subscribe message
}

// broadcast runs a new broadcast. The usage is of all of them, the peak that of the one that took most.
func (w *world) broadcast(ctx context.Context, j job) (all usage, err error) {
	write := w.spec
	if j.subscribe {
		write = w.subscribeSpec
	}
	file, err := write(j.name, j.rate, j.n)
	if err != nil {
		return all, err
	}
	w.platform.reset()
	var mu sync.Mutex
	var wg sync.WaitGroup
	used, begun := w.watchPostgres(ctx), time.Now()
	for range j.processes {
		wg.Go(func() {
			u, failed := w.runJSON(ctx, w.inFlight(j.inFlight), "broadcast", "run", file, "--yes")
			if failed == nil && u.number("sent") != float64(j.n) {
				failed = fmt.Errorf("%v messages are recorded, of %d", u.out["sent"], j.n)
			}
			mu.Lock()
			defer mu.Unlock()
			err = errors.Join(err, failed)
			all.cpu += u.cpu
			all.sending = max(all.sending, time.Duration(u.number("seconds")*float64(time.Second)))
			all.peakMiB = max(all.peakMiB, u.peakMiB)
		})
	}
	wg.Wait()
	all.wall, all.postgres = time.Since(begun), used()
	if taken := w.platform.taken.Load(); err == nil && taken != int64(j.n) {
		err = fmt.Errorf("%d messages were taken, of %d", taken, j.n)
	}
	return all, err
}

// bare runs the bare client as a process of its own.
func (w *world) bare(ctx context.Context, connections, n int) (u usage, err error) {
	url, err := w.sendURL(ctx)
	if err != nil {
		return u, err
	}
	w.platform.reset()
	cmd := exec.CommandContext(ctx, w.Binary, "bench", "--bare", url, "--connections", strconv.Itoa(connections),
		"--size", strconv.Itoa(n))
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return u, fmt.Errorf("the bare client: %w: %s", err, out)
	}
	u.wall, u.cpu = time.Since(begun), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	if taken := w.platform.taken.Load(); taken != int64(n) {
		return u, fmt.Errorf("the bare client sent %d of %d", taken, n)
	}
	return u, nil
}

func median(all []usage, of func(usage) float64) float64 { return of(byMedian(all, of)) }

// byMedian is the one in the middle.
func byMedian(all []usage, of func(usage) float64) usage {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b usage) int {
		if of(a) < of(b) {
			return -1
		}
		return 1
	})
	return sorted[len(sorted)/2]
}
