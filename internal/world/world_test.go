package world

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

var (
	seed      = flag.Uint64("seed", 1, "the first world's seed")
	seeds     = flag.Int("seeds", 5, "how many worlds")
	days      = flag.Int("days", 1, "days of each")
	stay      = flag.Bool("stay", false, "the processes run through the nights, and one through all days")
	tell      = flag.Bool("tell", false, "tell every step of every process")
	shrinkFor = flag.Duration("shrink", 3*time.Minute, "how long to look for a shorter story")
	on        = flag.String("on", "", "sqlite or postgres, for worlds on that alone")
	sometimes = flag.Bool("sometimes", false, "fail when a state was never reached that is worth having been in")
)

// beginning is when a world begins: 08:00 in Beijing.
var beginning = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)

// anEmptyFile makes homes on SQLite.
func anEmptyFile(t *testing.T) func(t *testing.T) home {
	empty := emptyFile(t)
	return func(t *testing.T) home {
		t.Helper()
		path := folder(t) + "/wxcast.db"
		if err := os.WriteFile(path, empty, 0o600); err != nil {
			t.Fatal(err)
		}
		return home{"sqlite://" + path, newFile}
	}
}

// aDatabase makes a home on Postgres.
func aDatabase(t *testing.T) home {
	t.Helper()
	url := storetest.PostgresURL(t)
	if err := setWorldsClock(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return home{url, newServer}
}

// emptyFile is the file of a store with our schema, and nothing in it.
func emptyFile(t *testing.T) []byte {
	t.Helper()
	file := t.TempDir() + "/empty.db"
	db, err := store.Open(t.Context(), "sqlite://"+file)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// outcome is what a plan came to.
type outcome struct {
	broken   []string
	seen     map[string]int
	messages int
	digest   string // of WeChat's ledger
}

// promise is the first one that was broken; "" for none.
func (o outcome) promise() string {
	if len(o.broken) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(o.broken[0], ":")
	return name
}

// folder is where a world's file is: in memory where the machine has a place for that. No world
// loses its power, and would wait for a disk more than for anything else.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "wxcast-world-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// happen lets a plan happen in a bubble.
func happen(t *testing.T, p Plan, newHome func(*testing.T) home) (out outcome) {
	t.Helper()
	t.Run(fmt.Sprintf("seed %d", p.Seed), func(t *testing.T) { out = inBubble(t, p, newHome(t)) })
	return out
}

func inBubble(t *testing.T, p Plan, empty home) (out outcome) {
	t.Helper()
	dir := folder(t)
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, p.Seed)
		time.Sleep(time.Until(beginning)) // a bubble's clock begins in 2000, when nobody followed anybody
		ctx, cancel := context.WithCancel(t.Context())
		w, err := newWorld(ctx, p, dir, empty)
		if err != nil {
			t.Fatal(err)
		}
		err = w.live(ctx)
		w.end()
		if err != nil {
			w.broke("the world goes on", "%v", err)
		}
		w.operator.CloseAll()
		cancel()
		w.sim.Close()
		time.Sleep(time.Minute) // what was still to come has come
		out = outcome{w.broken, w.seen, w.sim.State().Messages, w.digest()}
	})
	return out
}

func TestWorlds(t *testing.T) {
	// One at a time, and none taken from its processor: what happens in one moment then happens
	// in the same order each time.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if *tell {
		trace = os.Stderr
		defer func() { trace = nil }()
	}
	for _, store := range []struct {
		name string
		home func(*testing.T) home
	}{{"sqlite", anEmptyFile(t)}, {"postgres", aDatabase}} {
		if *on == "" || *on == store.name {
			t.Run(store.name, func(t *testing.T) { worlds(t, store.home) })
		}
	}
}

// worlds lets as many happen as are asked for.
func worlds(t *testing.T, newHome func(*testing.T) home) {
	seen := map[string]int{}
	for n := range *seeds {
		p := NewPlan(*seed+uint64(n), *days)
		if *stay {
			p = p.staying()
		}
		begun := time.Now()
		out := happen(t, p, newHome)
		if out.digest == "" { // there is no server, or it failed
			return
		}
		t.Logf("seed %d: %d messages, ledger %s, %v", p.Seed, out.messages, out.digest,
			time.Since(begun).Round(time.Millisecond))
		for state, times := range out.seen {
			seen[state] += times
		}
		if len(out.broken) > 0 {
			t.Fatal(story(t, p, out, newHome))
		}
	}
	for _, state := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d  %s", seen[state], state)
	}
	for _, state := range worthReaching {
		if *sometimes && seen[state] == 0 {
			t.Errorf("never reached: %s. What is promised there was not tried", state)
		}
	}
}

// story tells what broke a promise, with as few acts as it takes.
func story(t *testing.T, p Plan, out outcome, newHome func(*testing.T) home) string {
	t.Helper()
	was := trace
	trace = nil
	defer func() { trace = was }()
	begun, acts := time.Now(), len(p.Acts)
	for i := len(p.Acts) - 1; i >= 0 && time.Since(begun) < *shrinkFor; i-- {
		shorter := p
		shorter.Acts = slices.Delete(slices.Clone(p.Acts), i, i+1)
		if less := happen(t, shorter, newHome); less.promise() == out.promise() {
			p, out = shorter, less
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d breaks a promise. Of its %d acts these %d are enough:\n", p.Seed, acts, len(p.Acts))
	fmt.Fprintf(&b, "  %d people follow the account, which may send %d template messages a day.\n", p.Followers, p.Quota)
	for _, a := range p.Acts {
		fmt.Fprintf(&b, "  %s\n", a)
	}
	b.WriteString("Then:\n")
	for _, broken := range out.broken[:min(5, len(out.broken))] {
		fmt.Fprintf(&b, "  %s\n", broken)
	}
	fmt.Fprintf(&b, "Every step of it: make simulate SEED=%d SEEDS=1 DAYS=%d TELL=-tell", p.Seed, p.Days)
	return b.String()
}
