package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// world is what the measurements of one part on one engine share: a platform, and a store
// that can be had anew.
type world struct {
	Options
	caller
	part     part
	engine   string
	result   *Result
	dir      string
	platform *platform
	server   *http.Server

	stores   int          // made so far
	profiles atomic.Int64 // written so far
	drop     func()
	url      string // of the store
	env      []string
}

func newWorld(o Options, p part, engine string, r *Result) (w *world, err error) {
	w = &world{Options: o, part: p, engine: engine, result: r, drop: func() {}}
	if w.dir, err = os.MkdirTemp("", "wxcast-bench-"); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = os.RemoveAll(w.dir)
		return nil, err
	}
	w.base = "http://" + listener.Addr().String()
	w.platform = &platform{}
	w.server = &http.Server{Handler: w.platform, ReadHeaderTimeout: time.Minute}
	w.populate(o.Size)
	go func() { _ = w.server.Serve(listener) }()
	return w, nil
}

// populate gives the platform another account, with so many followers.
func (w *world) populate(followers int) {
	if w.sim != nil {
		w.sim.Close()
	}
	w.sim = simulator.New(simulator.Options{
		Followers: followers, Seed: 9, Shares: simulator.Shares{WithUnionID: 1, MiniUser: w.part.miniUsers},
		Knobs: simulator.Knobs{DailyLimits: map[string]int64{wechat.UserGetAPI: 1 << 40, wechat.BatchGetAPI: 1 << 40, wechat.TemplateSendAPI: 1 << 40,
			wechat.SubscribeSendAPI: 1 << 40}}, // several days' worth
	})
	w.platform.sim.Store(w.sim)
}

func (w *world) close() {
	_ = w.server.Close()
	w.sim.Close()
	w.drop()
	_ = os.RemoveAll(w.dir)
}

// newStore gives the world an empty store with our tables.
func (w *world) newStore(ctx context.Context) error {
	w.drop()
	w.drop = func() {}
	w.stores++
	if w.engine == postgres {
		if err := w.newDatabase(ctx); err != nil {
			return err
		}
	} else {
		file := filepath.Join(w.dir, fmt.Sprintf("wxcast-%d.db", w.stores))
		w.url = "sqlite://" + file
		w.drop = func() {
			for _, end := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(file + end)
			}
		}
	}
	w.env = append(config.ForeignEnviron(), "WXCAST_SYNC_RATE=100000", "WXCAST_DATABASE_URL="+w.url,
		"WXCAST_API_BASE="+w.base,
		"WXCAST_APPID="+w.sim.AppID, "WXCAST_SECRET="+w.sim.Secret, "WXCAST_MINI_APPID="+w.sim.MiniAppID, "WXCAST_MINI_SECRET="+w.sim.MiniSecret)
	_, err := w.run(ctx, "migrate")
	return err
}

// newDatabase makes a database on the server.
func (w *world) newDatabase(ctx context.Context) error {
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
		return fmt.Errorf("a database for the measurements cannot be made: %w", err)
	}
	w.drop = func() { _ = run(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)") }
	server, err := url.Parse(w.Postgres)
	if err != nil {
		return errors.New("--database: it is not a URL")
	}
	w.url = server.JoinPath("..", name).String()
	return nil
}

// open opens the store beside wxcast, with the settings that wxcast writes with (sql/db.go):
// what is loaded bare is the ceiling of what wxcast writes.
func (w *world) open() (*sql.DB, error) {
	if path, ok := strings.CutPrefix(w.url, "sqlite://"); ok {
		return sql.Open(sqlite,
			"file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-10240)&_pragma=wal_autocheckpoint(16384)&_time_format=sqlite&_txlock=immediate")
	}
	return sql.Open(postgres, w.url)
}

// run runs wxcast and wants one JSON object of it.
func (w *world) run(ctx context.Context, args ...string) (usage, error) {
	used := w.watchPostgres(ctx)
	u, err := w.runJSON(ctx, w.env, args...)
	u.postgres = used()
	return u, err
}

// prepare gives the world a store in which everybody is a recipient.
func (w *world) prepare(ctx context.Context) error {
	w.say("the whole job up to there, for %d", w.sim.State().Followers)
	return w.upToBroadcast(ctx, func(string, usage) error { return nil })
}

// upToBroadcast does what comes before a broadcast in a new store, and hands on what each
// command took.
func (w *world) upToBroadcast(ctx context.Context, did func(command string, u usage) error) error {
	if err := w.newStore(ctx); err != nil {
		return err
	}
	file, err := w.miniUsers()
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"sync"}, {"import", file}, {"join"}} {
		u, err := w.run(ctx, args...)
		if err == nil {
			err = did(args[0], u)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// miniUsers writes a CSV file of the mini users.
func (w *world) miniUsers() (file string, err error) {
	file = filepath.Join(w.dir, "mini.csv")
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	return file, errors.Join(w.sim.WriteMiniUsers(f), f.Close())
}

// databaseMiB is how much room the store takes on disk.
func (w *world) databaseMiB(ctx context.Context) (float64, error) {
	if path, ok := strings.CutPrefix(w.url, "sqlite://"); ok {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		return float64(info.Size()) / (1 << 20), nil
	}
	db, err := w.open()
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var size float64
	err = db.QueryRowContext(ctx, "SELECT pg_database_size(current_database())").Scan(&size)
	return size / (1 << 20), err
}
