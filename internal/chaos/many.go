package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// manySize is how large the scenario of many broadcasts is. Its full size takes as long as its
// messages do, and is for a machine with nothing else to do:
//
//	go run ./internal/chaos -scenario many -rounds 1 -broadcasts 100 -people 5000 -rate 500 -workers 4 -watch 60s
type manySize struct {
	broadcasts, people, rate, workers int
	watch                             time.Duration // so long, and not to the end; 0 for to the end
}

// inMany is the least share of the rate that many broadcasts reach together, and idleMany how
// many transactions a second they may cost beside two for each batch of work.
const (
	inMany   = 0.9
	idleMany = 150
)

// many: broadcasts to the same people, all at once, by several processes. Together they go at
// the rate of one, and cost the store little more.
func (r *round) many(ctx context.Context) error {
	size := r.size
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	if err := r.prepare(ctx, database, size.people, simulator.Knobs{
		Latency:     simulator.Duration(20 * time.Millisecond),
		DailyLimits: map[string]int64{wechat.TemplateSendAPI: 10_000_000},
	}); err != nil {
		return err
	}
	r.rate, r.sent = size.rate, size.people*size.broadcasts
	r.env["WXCAST_SERVE_LISTEN"], r.env["WXCAST_LOG_LEVEL"] = "127.0.0.1:0", "info"
	// All of them at a time that comes when the last one is made.
	begin := time.Now().Add(time.Duration(size.broadcasts)*time.Second + 5*time.Second)
	for i := range size.broadcasts {
		if err := r.schedule(ctx, i, begin); err != nil {
			return err
		}
	}
	for range size.workers {
		if _, err := r.start("serve"); err != nil {
			return err
		}
	}
	before, after, err := r.watchMany(ctx, database, begin)
	if err != nil {
		return err
	}
	took := after.at.Sub(before.at).Seconds()
	reached := float64(after.calls-before.calls) / took
	all := float64(after.transactions-before.transactions) / took
	idle := all - 2*float64(after.batches-before.batches)/took // a claim and a record for each batch
	state := r.sim.State()
	fmt.Printf("    %d broadcasts to %d people, %d processes: %.1f messages a second of %d, at most %d\n",
		size.broadcasts, size.people, size.workers, reached, size.rate,
		state.Calls[wechat.TemplateSendAPI].PeakPerSecond)
	fmt.Printf("    %.0f transactions a second, of which %.0f are not for work\n", all, idle)
	r.check("many broadcasts go at the rate of one", reached >= inMany*float64(size.rate), "%.1f a second of %d",
		reached, size.rate)
	r.check("waiting costs the store little", idle <= idleMany, "%.0f transactions a second that are not for work",
		idle)
	r.messages += state.Messages
	seen, twice := map[string]bool{}, 0
	for m := range r.sim.Messages() {
		if seen[m.ClientMsgID] {
			twice++
		}
		seen[m.ClientMsgID] = true
	}
	r.check("no one twice", twice == 0, "%d messages too many", twice)
	r.checkRate(state)
	return nil
}

// schedule makes one of many broadcasts, which begins at a time.
func (r *round) schedule(ctx context.Context, n int, begin time.Time) error {
	spec := fmt.Appendf(nil, "name: many-%d\ntemplate: %s\ndata: {thing1: 上新%d, time2: \"2026-11-30 10:00\"}\n"+
		"miniprogram: {pagepath: pages/chaos}\nrate: %d\n", n, r.sim.TemplateID, n, r.size.rate)
	if err := os.WriteFile(filepath.Join(r.dir, "spec.yaml"), spec, 0o600); err != nil {
		return err
	}
	at := begin.In(time.FixedZone("", 8*3600)).Format(time.DateTime)
	_, err := r.do(ctx, []int{0}, "broadcast", "create", "spec.yaml", "--at", at)
	return err
}

// watchMany tells what was done when they are at it, and when they are through or were watched
// for long enough.
func (r *round) watchMany(ctx context.Context, database string, begin time.Time) (before, after worked, err error) {
	db, err := sql.Open("postgres", database)
	if err != nil {
		return before, after, err
	}
	defer db.Close()
	called := func(n int, until time.Time) {
		for r.calls() < int64(n) && time.Now().Before(until) && ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
	called(r.rate, begin.Add(time.Minute))
	if before, err = r.work(ctx, db); err != nil {
		return before, after, err
	}
	until := begin.Add(time.Duration(r.sent/r.rate)*time.Second*3 + time.Minute)
	if r.size.watch > 0 {
		until = time.Now().Add(r.size.watch)
	}
	called(r.sent-r.rate, until)
	after, err = r.work(ctx, db)
	return before, after, err
}

// worked is what was done until a moment.
type worked struct {
	at                           time.Time
	calls, transactions, batches int64
}

func (r *round) work(ctx context.Context, db *sql.DB) (w worked, err error) {
	w.at, w.calls = time.Now(), r.calls()
	row := db.QueryRowContext(ctx, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
	if err := row.Scan(&w.transactions); err != nil {
		return w, err
	}
	return w, db.QueryRowContext(ctx, "SELECT last_value FROM leases_id_seq").Scan(&w.batches)
}
