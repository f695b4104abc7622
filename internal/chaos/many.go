package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
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
	if err := r.prepare(ctx, database, size.people,
		simulator.Knobs{Latency: simulator.Duration(20 * time.Millisecond),
			DailyLimits: map[string]int64{"/cgi-bin/message/template/send": 10_000_000}}); err != nil {
		return err
	}
	r.rate, r.sent = size.rate, size.people*size.broadcasts
	r.env["WXCAST_SERVE_LISTEN"], r.env["WXCAST_LOG_LEVEL"] = "127.0.0.1:0", "info"
	begin := time.Now().Add(time.Duration(size.broadcasts)*time.Second + 5*time.Second)
	for i := range size.broadcasts {
		if err := os.WriteFile(filepath.Join(r.dir, "spec.yaml"), fmt.Appendf(nil,
			"name: many-%d\ntemplate: %s\ndata: {thing1: 上新%d, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: pages/chaos}\nrate: %d\n",
			i, r.sim.TemplateID, i, size.rate), 0o600); err != nil {
			return err
		}
		if _, err := r.do(ctx, []int{0}, "broadcast", "create", "spec.yaml", "--at",
			begin.In(time.FixedZone("", 8*3600)).Format(time.DateTime)); err != nil {
			return err
		}
	}
	for range size.workers {
		if _, err := r.start("serve"); err != nil {
			return err
		}
	}
	db, err := sql.Open("postgres", database)
	if err != nil {
		return err
	}
	defer db.Close()
	for r.calls() < int64(size.rate) && ctx.Err() == nil { // they are at it
		time.Sleep(50 * time.Millisecond)
	}
	before, err := r.work(ctx, db)
	if err != nil {
		return err
	}
	until := begin.Add(time.Duration(r.sent/size.rate)*time.Second*3 + time.Minute)
	if size.watch > 0 {
		until = time.Now().Add(size.watch)
	}
	last := int64(r.sent - size.rate)
	for r.calls() < last && time.Now().Before(until) && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	after, err := r.work(ctx, db)
	if err != nil {
		return err
	}
	took := after.at.Sub(before.at).Seconds()
	reached := float64(after.calls-before.calls) / took
	idle := float64(after.transactions-before.transactions)/took - float64(after.batches-before.batches)*2/took
	fmt.Printf("    %d broadcasts to %d people, %d processes: %.1f messages a second of %d, at most %d; %.0f transactions a second, of which %.0f are not for work\n",
		size.broadcasts, size.people, size.workers, reached, size.rate, r.sim.State().Calls["/cgi-bin/message/template/send"].PeakPerSecond,
		float64(after.transactions-before.transactions)/took, idle)
	r.check("many broadcasts go at the rate of one", reached >= inMany*float64(size.rate), "%.1f a second of %d", reached,
		size.rate)
	r.check("waiting costs the store little", idle <= idleMany, "%.0f transactions a second that are not for work", idle)
	state := r.sim.State()
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

// worked is what was done until a moment.
type worked struct {
	at                           time.Time
	calls, transactions, batches int64
}

func (r *round) work(ctx context.Context, db *sql.DB) (w worked, err error) {
	w.at, w.calls = time.Now(), r.calls()
	if err := db.QueryRowContext(ctx,
		"SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").Scan(&w.transactions); err != nil {
		return w, err
	}
	return w, db.QueryRowContext(ctx, "SELECT last_value FROM leases_id_seq").Scan(&w.batches)
}
