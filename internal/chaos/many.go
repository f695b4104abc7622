package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

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
	r.env["WXCAST_LOG_LEVEL"] = "info"
	begin, err := r.scheduleAll(ctx)
	if err != nil {
		return err
	}
	for range size.workers - 1 {
		if _, _, err := r.replica(); err != nil {
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

// scheduleAll starts the first process, and lets it make all broadcasts: they begin at one time,
// when the last one is made. A key may call 20 times a second, so there are several.
func (r *round) scheduleAll(ctx context.Context) (begin time.Time, err error) {
	const keys, callers = 6, 4
	begin = time.Now().Add(scheduledMost + time.Duration(r.size.broadcasts)*100*time.Millisecond).Truncate(time.Second)
	all := make([]string, keys)
	for i := range all {
		made, err := r.ask(ctx, "key", "create", fmt.Sprintf("many-%d", i), "--scope", "send")
		if err != nil {
			return begin, err
		}
		all[i], _ = made["key"].(string)
	}
	_, base, err := r.replica()
	if err != nil {
		return begin, err
	}
	began := time.Now()
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(callers)
	for n := range r.size.broadcasts {
		calls.Go(func() error { return r.schedule(ctx, base, all, n, begin) })
	}
	if err := calls.Wait(); err != nil {
		return begin, err
	}
	fmt.Printf("    %d broadcasts made in %.1f s\n", r.size.broadcasts, time.Since(began).Seconds())
	if time.Now().After(begin) {
		return begin, fmt.Errorf("the broadcasts began before the last one was made, in %v", time.Since(began))
	}
	return begin, nil
}

// scheduledMost is how long the first process takes to start at the most, and the others after it.
const scheduledMost = 20 * time.Second

// schedule makes one of many broadcasts, which begins at a time.
func (r *round) schedule(ctx context.Context, base string, keys []string, n int, begin time.Time) error {
	spec := fmt.Sprintf("name: many-%d\ntemplate: %s\ndata: {thing1: 上新%d, time2: \"2026-11-30 10:00\"}\n"+
		"miniprogram: {pagepath: pages/chaos}\nrate: %d\n", n, r.sim.TemplateID, n, r.size.rate)
	at := begin.In(time.FixedZone("", 8*3600)).Format(time.RFC3339)
	for try := n; ; try++ { // of another key where this one's second is full
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("spec", "spec.yaml")
		if err != nil {
			return err
		}
		_, _ = io.WriteString(part, spec)
		_ = form.Close()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost,
			base+"/api/v1/broadcasts?at="+url.QueryEscape(at), &body)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+keys[try%len(keys)])
		req.Header.Set("Content-Type", form.FormDataContentType())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		answer, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusTooManyRequests:
			time.Sleep(50 * time.Millisecond)
		case resp.StatusCode/100 != 2:
			return fmt.Errorf("a broadcast is not made: %s", answer)
		default:
			return nil
		}
	}
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
		last, at := r.calls(), time.Now()
		for r.calls() < int64(n) && time.Now().Before(until) && ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond)
			if took := time.Since(at); r.verbose && took > 5*time.Second {
				calls := r.calls()
				fmt.Printf("    %s %.1f messages a second\n", time.Now().Format(time.TimeOnly),
					float64(calls-last)/took.Seconds())
				last, at = calls, time.Now()
			}
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
