// Package bench measures the wxcast binary beside the ceilings of the machine it
// runs on: what bare HTTP and bare bulk loading do in the same run. make bench-sync
// and its like run it. It claims ratios only; seconds are for the reader.
package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
	sim    *simulator.Server
	base   string
	binary string
	dir    string
	url    string // of the store
	env    []string
}

func newAccount(b *testing.B, engine string, o simulator.Options) *account {
	b.Helper()
	a := &account{sim: simulator.New(o), dir: b.TempDir()}
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

// usage is what one run of the binary took.
type usage struct {
	wall    time.Duration
	cpu     time.Duration
	peakMiB float64
	// postgres is the CPU time of the server beside it, where that is measured.
	postgres time.Duration
	out      map[string]any
}

// run runs the binary and wants one JSON object of it.
func (a *account) run(b *testing.B, args ...string) usage {
	b.Helper()
	cmd := exec.Command(a.binary, append(args, "--json")...)
	cmd.Env, cmd.Dir = a.env, a.dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	started := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	peak := make(chan float64)
	go func() { peak <- watchPeak(cmd.Process.Pid) }()
	err := cmd.Wait()
	u := usage{wall: time.Since(started), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peakMiB: <-peak}
	if err != nil {
		b.Fatalf("%v: %v: %s", args, err, errOut.String())
	}
	if err := json.Unmarshal(out.Bytes(), &u.out); err != nil {
		b.Fatalf("%v: %v: %s", args, err, out.String())
	}
	return u
}

// watchPeak reads a process's peak resident memory in MiB until it ends. The one
// that wait4 tells may be the parent's, from before exec.
func watchPeak(pid int) (peak float64) {
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, after, ok := strings.Cut(string(status), "VmHWM:")
		if err != nil || !ok {
			return peak
		}
		if kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64); err == nil {
			peak = kib / 1024
		}
		time.Sleep(10 * time.Millisecond)
	}
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

// token fetches an access token for the bare clients.
func (a *account) token(b *testing.B, ctx context.Context) string {
	b.Helper()
	body := fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, a.sim.AppID, a.sim.Secret)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/cgi-bin/stable_token", bytes.NewReader([]byte(body)))
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil || reply.AccessToken == "" {
		b.Fatalf("no token: %v", err)
	}
	return reply.AccessToken
}
