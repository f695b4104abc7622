package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

func (r *round) database(ctx context.Context) (string, error) {
	return newDatabase(ctx, r.postgres.URL, fmt.Sprintf("chaos_%d", r.number))
}

// workers: several processes on one Postgres, which is killed, too.
func (r *round) workers(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	recipients := 3000 + r.rnd.IntN(2000)
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 400+r.rnd.IntN(800)); err != nil {
		return err
	}
	faults := append(times(3+r.rnd.IntN(4), r.kill), times(1, r.stop)...)
	faults = append(faults, times(1, r.restartPostgres)...)
	faults = append(faults, times(2, r.cutConnections)...)
	faults = append(faults, times(2+r.rnd.IntN(3), r.misbehave)...)
	faults = append(faults, times(1, r.interrupt)...)
	if err := r.broadcast(ctx, 2+r.rnd.IntN(3), faults); err != nil {
		return err
	}
	return r.checkBroadcast(ctx)
}

// failover: the primary dies and its synchronous standby takes over.
func (r *round) failover(ctx context.Context) error {
	pair, err := pgserver.StartPair(ctx)
	if err != nil {
		return err
	}
	defer pair.Stop()
	const recipients = 3000
	if err := r.prepare(ctx, pair.URL, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 500); err != nil {
		return err
	}
	promote := func(ctx context.Context, _ []*command) error {
		r.fault("primary killed, standby promoted")
		return pair.Failover(ctx)
	}
	if err := r.broadcast(ctx, 2, append(times(2, r.kill), promote, r.misbehave)); err != nil {
		return err
	}
	return r.checkBroadcast(ctx)
}

// pooler: a pgbouncer in transaction mode hands connections around.
func (r *round) pooler(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	pooler, err := pgserver.StartPooler(ctx, database)
	if err != nil {
		return err
	}
	defer pooler.Stop()
	recipients := 2000 + r.rnd.IntN(1000)
	if err := r.prepare(ctx, pooler.URL, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	r.fault("pooler in transaction mode")
	if err := r.spec(recipients, 800); err != nil {
		return err
	}
	if err := r.broadcast(ctx, 3, append(times(3, r.kill), times(2, r.misbehave)...)); err != nil {
		return err
	}
	return r.checkBroadcast(ctx)
}

// sqlite: one process at a time on a file.
func (r *round) sqlite(ctx context.Context) error {
	recipients := 2000 + r.rnd.IntN(2000)
	if err := r.prepare(ctx, "sqlite://"+filepath.Join(r.dir, "wxcast.db"), recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 1000); err != nil {
		return err
	}
	if err := r.broadcast(ctx, 1, append(append(times(4, r.kill), times(3, r.misbehave)...), r.interrupt)); err != nil {
		return err
	}
	return r.checkBroadcast(ctx)
}

// disk: the database's disk fills up under a broadcast: SQLite's or Postgres's.
func (r *round) disk(ctx context.Context) error {
	disk, err := mountSmallDisk(ctx, r.dir)
	if err != nil {
		return err
	}
	defer disk.unmount()
	engine, database, workers, mend := "SQLite", "sqlite://"+filepath.Join(disk.dir,
		"wxcast.db"), 1, func() error { return nil }
	if r.rnd.IntN(2) == 0 {
		server, err := pgserver.StartIn(ctx, disk.dir, []string{"-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB"})
		if err != nil {
			return err
		}
		defer server.Stop()
		engine, database, workers, mend = "Postgres", server.URL, 2, func() error { return server.Restart(ctx) }
	}
	recipients := 2000 + r.rnd.IntN(1000)
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 600); err != nil {
		return err
	}
	full := func(ctx context.Context, _ []*command) error {
		r.fault("disk of " + engine + " full")
		if err := disk.fill(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(1+r.rnd.IntN(3)) * time.Second):
		}
		return errors.Join(disk.empty(), mend())
	}
	if err := r.broadcast(ctx, workers, []fault{full, r.kill, r.misbehave}); err != nil {
		return err
	}
	return r.checkBroadcast(ctx)
}

// quota: three days of a quota that is too small, workers killed on each.
func (r *round) quota(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	const recipients, daily = 2500, 1000
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond),
			DailyLimits: map[string]int64{wechat.TemplateSendAPI: daily}}); err != nil {
		return err
	}
	if err := r.spec(recipients, 600); err != nil {
		return err
	}
	for day := 1; ; day++ {
		before := r.calls()
		var running []*command
		for range 3 {
			c, err := r.start("broadcast", "run", "spec.yaml", "--json")
			if err != nil {
				return err
			}
			running = append(running, c)
		}
		// Early in the day: what the dead leave in doubt is tried again while WeChat
		// takes it for a repeat.
		until := before + 1 + r.rnd.Int64N(300)
		for deadline := time.Now().Add(20 * time.Second); r.calls() < until && time.Now().Before(deadline) &&
			!allEnded(running); time.Sleep(2 * time.Millisecond) {
		}
		if !allEnded(running) {
			if err := r.kill(ctx, running); err != nil {
				return err
			}
		}
		code := 0
		for _, c := range running {
			select {
			case <-c.ended:
			case <-time.After(commandWithin):
				return fmt.Errorf("a worker does not end: %s", tail(c.out.String()))
			}
			code = max(code, c.ProcessState.ExitCode())
		}
		over := r.sim.State().Calls[wechat.TemplateSendAPI].OverQuota
		r.check("the quota is never exceeded", over == 0, "%d calls over the quota on day %d", over, day)
		if code == 0 || day == 5 {
			break
		}
		r.fault("the day's quota spent")
		r.fault("WeChat's clock jumps by a day")
		r.sim.MoveClock(24 * time.Hour)
	}
	return r.checkQuotaBroadcast(ctx)
}

// syncs: killed syncs on a bad platform, while people come and leave.
func (r *round) syncs(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	followers := 20_000 + r.rnd.IntN(20_000)
	if err := r.prepare(ctx, database, followers, simulator.Knobs{PageSize: 1000}); err != nil {
		return err
	}
	r.sim.RemoveFollowers(followers / 20)
	r.sim.AddFollowers(followers / 20)
	r.sim.SetKnobs(func(k *simulator.Knobs) {
		k.Busy, k.BadGateway, k.DropBefore, k.DropAfter, k.BrokenJSON = 0.02, 0.02, 0.02, 0.02, 0.02
		k.Latency = simulator.Duration(5 * time.Millisecond)
	})
	for range 3 + r.rnd.IntN(4) {
		c, err := r.start("sync", "--full")
		if err != nil {
			return err
		}
		select {
		case <-c.ended:
		case <-time.After(time.Duration(50+r.rnd.IntN(1500)) * time.Millisecond):
		}
		if !hasEnded(c) {
			r.fault("kill -9 of a sync")
		}
		_ = c.Process.Kill()
		<-c.ended
	}
	r.fault("WeChat: all faults at 2 %")
	for tries := 0; ; tries++ {
		if _, err := r.do(ctx, []int{0}, "sync", "--full"); err == nil {
			break
		} else if tries == 5 {
			return err
		}
	}
	r.sim.SetKnobs(r.heal)
	return r.checkFollowers(ctx)
}

// metric is one number of a /metrics page.
func (r *round) metric(ctx context.Context, base, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	r.pages = append(r.pages, string(page))
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(page)
	if m == nil {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// replica starts a process of serve, and returns its address.
func (r *round) replica() (*command, string, error) {
	r.env["WXCAST_SERVE_LISTEN"], r.env["WXCAST_SERVE_SYNC_AT"], r.env["WXCAST_SERVE_QUOTA_AT"] = "127.0.0.1:0", "off", "off"
	c, err := r.start("serve")
	if err != nil {
		return nil, "", err
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, address, ok := strings.Cut(c.out.String(), " at http://"); ok {
			address, _, _ = strings.Cut(address, ";")
			return c, "http://" + address, nil
		}
	}
	return nil, "", fmt.Errorf("it does not serve: %s", tail(c.out.String()))
}

// serve: two replicas send what was created, one is killed; callbacks come to the other
// meanwhile. What stays idle in the end holds no more than it did.
func (r *round) serve(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	const recipients = 2000
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond),
			ReceiptDelay: simulator.Duration(300 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 400); err != nil {
		return err
	}
	r.env["WXCAST_BROADCAST_CONCURRENCY"] = strconv.Itoa(serveInFlight)
	stays, base, err := r.replica()
	if err != nil {
		return err
	}
	dies, _, err := r.replica()
	if err != nil {
		return err
	}
	r.sim.SetKnobs(func(k *simulator.Knobs) { k.CallbackURL, k.CallbackMode = base+"/wechat/default", "plain" })
	idle := func() (goroutines, files float64, err error) {
		time.Sleep(1500 * time.Millisecond)
		if goroutines, err = r.metric(ctx, base, "go_goroutines"); err == nil {
			files, err = r.metric(ctx, base, "process_open_fds")
		}
		return goroutines, files, err
	}
	beforeGo, beforeFiles, err := idle()
	if err != nil {
		return err
	}
	at := time.Now().Add(3 * time.Second).In(time.FixedZone("", 8*3600)).Format(time.DateTime)
	if _, err := r.do(ctx, []int{0}, "broadcast", "create", "spec.yaml", "--at", at); err != nil {
		return err
	}
	id, err := r.broadcastID(ctx)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); r.calls() < 200 &&
		time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	r.fault("kill -9 of a replica of serve")
	_ = dies.Process.Kill()
	<-dies.ended
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		status, err := r.ask(ctx, "broadcast", "status", id)
		if err != nil {
			return err
		}
		if status["state"] == "done" &&
			status["delivered"].(float64)+status["undelivered"].(float64) == status["sent"].(float64) {
			break
		}
		if time.Now().After(deadline) {
			r.check("every receipt is recorded", false, "%v", status)
			break
		}
	}
	r.check("every receipt is recorded", true, "")
	if err := r.checkBroadcast(ctx); err != nil {
		return err
	}
	afterGo, afterFiles, err := idle()
	for deadline := time.Now().Add(keptFor); err == nil &&
		(afterGo > beforeGo+leakMargin || afterFiles > beforeFiles+leakMargin) && time.Now().Before(deadline); {
		afterGo, afterFiles, err = idle()
	}
	if err != nil {
		return err
	}
	r.check("no goroutine is leaked", afterGo <= beforeGo+leakMargin, "%v before, %v after", beforeGo, afterGo)
	r.check("no connection is leaked", afterFiles <= beforeFiles+leakMargin, "%v open files before, %v after",
		beforeFiles, afterFiles)
	r.end(stays)
	return nil
}

const (
	// serveInFlight is how many calls a process of serve has in flight, and leakMargin what
	// their connections and those to Postgres, which are kept for a while, may make of a
	// difference in goroutines and in files: two goroutines for each.
	serveInFlight = 8
	leakMargin    = 40
	// keptFor is how long we wait for others to end: a little longer than serve keeps an
	// idle connection of the simulator's, which opens up to 64 when it has many receipts.
	keptFor = 70 * time.Second
)

// decodeLines reads JSON Lines.
func decodeLines[T any](text string) (all []T, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	for dec.More() {
		var v T
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
