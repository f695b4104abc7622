// These benchmarks measure the binary beside the ceilings of the machine, with a bar for
// each ratio: make bench-sync and its like run them.
package bench

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// sizeEnv overrides how many followers or recipients a benchmark has.
const sizeEnv = "WXCAST_BENCH_SIZE"

func size(b *testing.B, otherwise int) int {
	b.Helper()
	text := os.Getenv(sizeEnv)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		b.Fatalf("%s: %q is not a number from 1000", sizeEnv, text)
	}
	return n
}

// account is a simulated account with a store, and the binary to run on it.
type account struct {
	caller
	binary string
	dir    string
	url    string // of the store
	env    []string
}

func newAccount(b *testing.B, engine string, o simulator.Options) *account {
	b.Helper()
	a := &account{caller: caller{sim: simulator.New(o)}, dir: b.TempDir()}
	server := httptest.NewServer(a.sim)
	b.Cleanup(server.Close)
	b.Cleanup(a.sim.Close)
	a.base = server.URL
	a.binary = filepath.Join(a.dir, "wxcast")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", a.binary, "github.com/wxcast/wxcast")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	a.newStore(b, engine)
	return a
}

// newStore gives the account a fresh store.
func (a *account) newStore(b *testing.B, engine string) {
	b.Helper()
	a.url = storetest.SQLiteURL(b)
	if engine == "postgres" {
		a.url = storetest.PostgresURL(b)
	}
	a.env = append(os.Environ(), "WXCAST_SYNC_RATE=100000",
		"WXCAST_DATABASE_URL="+a.url, "WXCAST_API_BASE="+a.base, "WXCAST_APPID="+a.sim.AppID, "WXCAST_SECRET="+a.sim.Secret,
		"WXCAST_MINI_APPID="+a.sim.MiniAppID, "WXCAST_MINI_SECRET="+a.sim.MiniSecret)
}

// run runs the binary and wants one JSON object of it.
func (a *account) run(b *testing.B, args ...string) usage {
	b.Helper()
	u, err := runJSON(b.Context(), a.binary, a.dir, a.env, args...)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

func (u usage) String() string {
	return fmt.Sprintf("%6.1f s, %5.1f s of CPU, peak %3.0f MiB", u.wall.Seconds(), u.cpu.Seconds(), u.peakMiB)
}

// verdict prints a measured value beside its bar, and fails the benchmark above it.
func verdict(b *testing.B, what string, value, most float64, unit string) {
	b.Helper()
	word := "pass"
	if value > most {
		word = "SHORT OF IT"
		b.Fail()
	}
	fmt.Printf("  %-62s %8.2f %-4s at most %6.2f  %s\n", what, value, unit, most, word)
}

// atLeast is verdict for a value that must not be below its bar.
func atLeast(b *testing.B, what string, value, least float64, unit string) {
	b.Helper()
	word := "pass"
	if value < least {
		word = "SHORT OF IT"
		b.Fail()
	}
	fmt.Printf("  %-62s %8.2f %-4s at least %5.2f  %s\n", what, value, unit, least, word)
}

func note(what string, value any) { fmt.Printf("  %-62s %v\n", what, value) }
