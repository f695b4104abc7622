package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// world is what all rounds share: a binary, and a Postgres.
type world struct {
	dir      string
	source   string // of the binary
	binary   string
	next     string // the next version's, once it was wanted
	released string // the last release's, once it was wanted, and
	tag      string // of what
	postgres *pgserver.Server
}

// newWorld builds wxcast from a source tree; "" is this one.
func newWorld(ctx context.Context, source string) (*world, error) {
	dir, err := os.MkdirTemp("", "wxcast-chaos-")
	if err != nil {
		return nil, err
	}
	if source == "" {
		if source, err = moduleRoot(ctx); err != nil {
			return nil, err
		}
	}
	w := &world{dir: dir, source: source, binary: filepath.Join(dir, "wxcast")}
	if err := build(ctx, w.source, w.binary); err != nil {
		w.close()
		return nil, err
	}
	// Synced to disk, as in production: what was acknowledged outlives a crash.
	if w.postgres, err = pgserver.Start(ctx, nil); err != nil {
		w.close()
		return nil, fmt.Errorf("no Postgres:\n%w", err)
	}
	return w, nil
}

// build builds a source tree. Without its path in it, trees share what was compiled.
func build(ctx context.Context, source, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, ".")
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	return nil
}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

func (w *world) close() {
	if w.postgres != nil {
		w.postgres.Stop()
	}
	_ = os.RemoveAll(w.dir)
}

// newDatabase makes an empty database on a server, and returns its URL.
func newDatabase(ctx context.Context, server, name string) (string, error) {
	db, err := sql.Open("postgres", server)
	if err != nil {
		return "", err
	}
	defer db.Close()
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return "", err
		}
	}
	return strings.Replace(server, "/postgres?", "/"+name+"?", 1), nil
}

// platform is a simulator that listens.
type platform struct {
	*simulator.Server
	base string
	http *http.Server
}

func newPlatform(o simulator.Options) (*platform, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &platform{Server: simulator.New(o), base: "http://" + listener.Addr().String()}
	p.http = &http.Server{Handler: p.Server, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.http.Serve(listener) }()
	return p, nil
}

// env names the account to wxcast.
func (p *platform) env() map[string]string {
	return map[string]string{"WXCAST_API_BASE": p.base, "WXCAST_APPID": p.AppID, "WXCAST_SECRET": p.Secret,
		"WXCAST_MINI_APPID": p.MiniAppID, "WXCAST_MINI_SECRET": p.MiniSecret, "WXCAST_TOKEN": p.Token}
}

func (p *platform) close() {
	p.Server.Close()
	_ = p.http.Close()
}

// command is a wxcast process.
type command struct {
	*exec.Cmd
	args  []string
	out   lockedBuffer // both streams, for what must not be in them
	only  lockedBuffer // standard output
	ended chan struct{}
}

// lockedBuffer is written by a process and read by us.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

type both struct{ a, b *lockedBuffer }

func (w both) Write(p []byte) (int, error) {
	_, _ = w.a.Write(p)
	return w.b.Write(p)
}

// start starts a wxcast process of the round.
func (r *round) start(args ...string) (*command, error) {
	c := &command{Cmd: exec.Command(r.run, args...), args: args, ended: make(chan struct{})}
	c.Dir = r.dir
	c.Env = config.ForeignEnviron()
	for name, value := range r.env {
		c.Env = append(c.Env, name+"="+value)
	}
	c.Stdout, c.Stderr = both{&c.only, &c.out}, &c.out
	if err := c.Start(); err != nil {
		return nil, err
	}
	r.commands = append(r.commands, c)
	go func() { _ = c.Wait(); close(c.ended) }()
	return c, nil
}

// do runs a command to its end, and wants one of some exit codes.
func (r *round) do(ctx context.Context, codes []int, args ...string) (*command, error) {
	c, err := r.start(args...)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
		_ = c.Process.Kill()
		return nil, ctx.Err()
	case <-time.After(commandWithin):
		_ = c.Process.Kill()
		return nil, fmt.Errorf("wxcast %s does not end: %s", strings.Join(args, " "), c.out.String())
	}
	for _, code := range codes {
		if c.ProcessState.ExitCode() == code {
			return c, nil
		}
	}
	return nil, fmt.Errorf("wxcast %s ends with %d: %s", strings.Join(args, " "), c.ProcessState.ExitCode(),
		c.out.String())
}

// commandWithin is more than any command of a round takes.
const commandWithin = 3 * time.Minute

// ask is the JSON of a command.
func (r *round) ask(ctx context.Context, args ...string) (map[string]any, error) {
	c, err := r.do(ctx, []int{0}, append(args, "--json")...)
	if err != nil {
		return nil, err
	}
	v := map[string]any{}
	return v, json.Unmarshal([]byte(c.only.String()), &v)
}
