// Package bench measures wxcast on the machine that it runs on, beside what the machine
// can do at best, and beside the loop over an SDK that tutorials show. Each is a process
// of its own, on the same platform, one after the other.
package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// Options say what to measure.
type Options struct {
	Binary      string // wxcast itself
	Postgres    string // URL of a server where a database may be made for the time; "" for SQLite alone
	Size        int    // followers, and recipients at most
	Connections int    // messages in flight
	Latencies   []time.Duration
	// Say tells what is being measured; it must not be nil.
	Say func(format string, args ...any)
}

// Row is one thing measured.
type Row struct {
	Part      string  `json:"part"` // "sync" or "broadcast"
	Engine    string  `json:"engine"`
	LatencyMS int64   `json:"latency_ms"` // of WeChat's answers
	N         int     `json:"n"`          // followers or messages
	PerSecond float64 `json:"per_second"`
	// Ceiling is what a bare Go client does with the same calls, recording nothing; of a
	// sync, the slower of that and of loading the same rows, fetching nothing.
	Ceiling float64 `json:"ceiling_per_second"`
	Ratio   float64 `json:"ratio"` // PerSecond / Ceiling
	// Naive is the loop: one call after the other, one INSERT each.
	Naive      float64 `json:"naive_per_second"`
	CPUSeconds float64 `json:"cpu_seconds"` // of wxcast's process
	PeakMiB    float64 `json:"peak_mib"`
}

// world is what the measurements of one engine share.
type world struct {
	Options
	caller
	engine   string
	dir      string
	database string
	platform *platform
	env      []string
}

// run runs wxcast and wants one JSON object of it.
func (w *world) run(ctx context.Context, args ...string) (usage, error) {
	return runJSON(ctx, w.Binary, w.dir, w.env, args...)
}

// Run measures both parts on SQLite, and on Postgres where there is one.
func Run(ctx context.Context, o Options) (rows []Row, err error) {
	engines := []string{"sqlite"}
	if o.Postgres != "" {
		engines = append(engines, "postgres")
	}
	for _, engine := range engines {
		some, err := runEngine(ctx, o, engine)
		rows = append(rows, some...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", engine, err)
		}
	}
	return rows, nil
}

func runEngine(ctx context.Context, o Options, engine string) (rows []Row, err error) {
	w := &world{Options: o, engine: engine}
	if w.dir, err = os.MkdirTemp("", "wxcast-bench-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(w.dir)
	w.database = "sqlite://" + filepath.Join(w.dir, "wxcast.db")
	if engine == "postgres" {
		drop, err := w.makeDatabase(ctx)
		if err != nil {
			return nil, err
		}
		defer drop()
	}
	w.sim = simulator.New(simulator.Options{Followers: o.Size, Seed: 9, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
		Knobs: simulator.Knobs{DailyLimits: map[string]int64{wechat.UserGetAPI: 1 << 40, wechat.TemplateSendAPI: 1 << 40}}})
	defer w.sim.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.platform = &platform{sim: w.sim}
	server := &http.Server{Handler: w.platform, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	w.base = "http://" + listener.Addr().String()
	w.env = append(os.Environ(), "WXCAST_SYNC_RATE=100000", "WXCAST_DATABASE_URL="+w.database, "WXCAST_API_BASE="+w.base,
		"WXCAST_APPID="+w.sim.AppID, "WXCAST_SECRET="+w.sim.Secret, "WXCAST_MINI_APPID="+w.sim.MiniAppID, "WXCAST_MINI_SECRET="+w.sim.MiniSecret,
		fmt.Sprintf("WXCAST_BROADCAST_CONCURRENCY=%d", o.Connections))
	row, err := w.sync(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, row)
	if err := w.bridge(ctx); err != nil {
		return rows, err
	}
	for i, latency := range o.Latencies {
		row, err := w.broadcast(ctx, fmt.Sprintf("bench-%d", i), latency)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// makeDatabase makes a database on the server, and returns how to drop it.
func (w *world) makeDatabase(ctx context.Context) (drop func(), err error) {
	name := fmt.Sprintf("wxcast_bench_%d", time.Now().UnixNano())
	run := func(ctx context.Context, statement string) error {
		db, err := sql.Open("postgres", w.Postgres)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(ctx, statement)
		return err
	}
	if err := run(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, fmt.Errorf("a database for the measurements cannot be made: %w", err)
	}
	address, options, _ := strings.Cut(w.Postgres, "?")
	w.database = address[:strings.LastIndexByte(address, '/')+1] + name + "?" + options
	return func() { _ = run(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)") }, nil
}

// bridge brings in the mini users, so that everybody is a recipient.
func (w *world) bridge(ctx context.Context) error {
	var csv strings.Builder
	csv.WriteString("unionid,openid\n")
	for u := range w.sim.MiniUsers() {
		fmt.Fprintf(&csv, "%s,%s\n", u.UnionID, u.OpenID)
	}
	file := filepath.Join(w.dir, "mini.csv")
	if err := os.WriteFile(file, []byte(csv.String()), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{{"import", file}, {"join"}} {
		if _, err := w.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
