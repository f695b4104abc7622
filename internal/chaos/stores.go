package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	_ "modernc.org/sqlite" // the driver for what a killed process has left in its log

	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// keptStores is where the stores of each release are, by version and engine. docs/stability.md
// says how they are made.
const keptStores = "internal/stability/corpus/stores"

const (
	keptPeople = 240
	keptRate   = 100
	keptSQLite = "sqlite.db.gz"
	keptSQL    = "postgres.sql.gz"
	keptLedger = "ledger.json"
)

// ledger is what WeChat knows of a store that is kept: whom it has told by which message.
type ledger struct {
	Seed   uint64            `json:"seed"`
	MadeAt time.Time         `json:"made_at"`
	Told   map[string]string `json:"told"` // recipients by client_msg_id
}

// stores: what each release has left in the middle of a broadcast, killed, the next version takes
// over: it migrates the store, shows what is in it, and sends to those who are left. So it does with
// what this version leaves.
func (r *round) stores(ctx context.Context) error {
	own := filepath.Join(r.dir, "own")
	if err := r.keepStores(ctx, own); err != nil {
		return err
	}
	next, err := r.nextVersion(ctx)
	if err != nil {
		return err
	}
	r.run = next
	kept, err := filepath.Glob(filepath.Join(r.source, keptStores, "*"))
	if err != nil {
		return err
	}
	for _, dir := range append(kept, own) {
		for _, file := range []string{keptSQLite, keptSQL} {
			r.fault("a store of another version taken over")
			if err := r.takeStore(ctx, dir, file); err != nil {
				return fmt.Errorf("%s of %s: %w", file, filepath.Base(dir), err)
			}
		}
	}
	return nil
}

// keepStores leaves a store of each kind in the middle of a broadcast.
func (r *round) keepStores(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	postgres, err := r.database(ctx)
	if err != nil {
		return err
	}
	file := filepath.Join(r.dir, "kept.db")
	for _, url := range []string{"sqlite://" + file, postgres} {
		l, err := r.leaveBehind(ctx, url)
		if err != nil {
			return err
		}
		name, raw := keptSQL, []byte(nil)
		if url == postgres {
			raw, err = dump(ctx, url)
		} else {
			name = keptSQLite
			raw, err = checkpointed(ctx, file)
		}
		if err == nil {
			err = writeZipped(filepath.Join(dir, name), raw)
		}
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(l, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+"."+keptLedger), append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// leaveBehind uses what people use, and is killed in the middle of a broadcast.
func (r *round) leaveBehind(ctx context.Context, url string) (ledger, error) {
	l := ledger{Seed: r.seed, MadeAt: time.Now().UTC(), Told: map[string]string{}}
	if err := r.prepare(ctx, url, keptPeople,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return l, err
	}
	defer r.sim.close()
	if err := r.spec(keptPeople, keptRate); err != nil {
		return l, err
	}
	preset := fmt.Appendf(nil,
		"name: order\ntemplate: %s\ndata: {thing1: \"{{ .goods }}\", time2: \"2026-11-30 10:00\"}\n", r.sim.TemplateID)
	if err := os.WriteFile(filepath.Join(r.dir, "preset.yaml"), preset, 0o600); err != nil {
		return l, err
	}
	for _, args := range [][]string{{"preset", "put", "preset.yaml"}, {"key", "create", "kept", "--scope", "send"},
		{"optout", "add", "somebody-who-left"}} {
		if _, err := r.do(ctx, []int{0}, args...); err != nil {
			return l, err
		}
	}
	c, err := r.start("broadcast", "run", "spec.yaml", "--json")
	if err != nil {
		return l, err
	}
	for deadline := time.Now().Add(commandWithin); r.calls() < keptPeople/3; time.Sleep(time.Millisecond) {
		if hasEnded(c) || time.Now().After(deadline) {
			return l, fmt.Errorf("the broadcast does not begin: %s", tail(c.out.String()))
		}
	}
	_ = c.Process.Kill()
	<-c.ended
	for m := range r.sim.Messages() {
		l.Told[m.ClientMsgID] = m.OpenID
	}
	return l, nil
}

// takeStore takes over a store that another version has left.
func (r *round) takeStore(ctx context.Context, dir, file string) error {
	raw, err := os.ReadFile(filepath.Join(dir, file+"."+keptLedger))
	if err != nil {
		return err
	}
	var l ledger
	if err := json.Unmarshal(raw, &l); err != nil {
		return err
	}
	if r.sim, err = newPlatform(simulator.Options{Followers: keptPeople, Seed: l.Seed,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}, Knobs: r.healthy}); err != nil {
		return err
	}
	defer r.sim.close()
	if r.env["WXCAST_DATABASE_URL"], err = r.restore(ctx, dir, file); err != nil {
		return err
	}
	maps.Copy(r.env, r.sim.env())
	if err := r.spec(keptPeople, keptRate); err != nil {
		return err
	}
	for _, args := range [][]string{{"migrate"}, {"broadcast", "list"}, {"preset", "show", "order"}, {"key", "list"},
		{"optout", "export"}, {"report"}, {"broadcast", "run", "spec.yaml", "--json"}} {
		if _, err := r.do(ctx, []int{0}, args...); err != nil {
			return err
		}
	}
	ours, err := r.deliveries(ctx)
	if err != nil {
		return err
	}
	// WeChat takes the same client_msg_id for the same message for a while.
	same := time.Since(l.MadeAt) < template.Facts.DedupWindow
	has, twice := map[string]bool{}, 0
	for _, openid := range l.Told {
		has[openid] = true
	}
	for m := range r.sim.Messages() {
		if _, again := l.Told[m.ClientMsgID]; has[m.OpenID] && !(again && same) {
			twice++
		}
		has[m.OpenID] = true
	}
	lost := 0
	for _, d := range ours {
		if !has[d.OpenID] && d.State != "unknown" || has[d.OpenID] && d.State != "sent" && d.State != "unknown" {
			lost++
		}
	}
	r.check("a store of another version goes on", len(ours) == keptPeople && lost == 0 && twice == 0,
		"%s of %s: %d deliveries, %d of them wrong, %d people with two messages", file, filepath.Base(dir), len(ours),
		lost, twice)
	return nil
}

// restore makes a store of what is kept, and returns its URL.
func (r *round) restore(ctx context.Context, dir, file string) (url string, err error) {
	raw, err := readZipped(filepath.Join(dir, file))
	if err != nil {
		return "", err
	}
	if file == keptSQLite {
		path := filepath.Join(r.dir, "taken-"+filepath.Base(dir)+".db")
		return "sqlite://" + path, os.WriteFile(path, raw, 0o600)
	}
	if url, err = r.database(ctx); err != nil {
		return "", err
	}
	db, err := sql.Open("postgres", url)
	if err != nil {
		return "", err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, string(raw))
	return url, err
}

// ofPSQL are lines of a dump that are for psql alone.
var ofPSQL = regexp.MustCompile(`(?m)^\\.*\n`)

func dump(ctx context.Context, url string) ([]byte, error) {
	program, err := pgserver.Program("pg_dump")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, program, "--inserts", "--rows-per-insert=500", "--no-owner", url).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("pg_dump: %w: %s", err, failed.Stderr)
	}
	return ofPSQL.ReplaceAll(out, nil), err
}

// checkpointed is a SQLite file with what its log has.
func checkpointed(ctx context.Context, file string) ([]byte, error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func writeZipped(file string, raw []byte) error {
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, zipped.Bytes(), 0o644)
}

func readZipped(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
