package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// runMain makes this test binary act as wxcast: tests that kill processes need some.
const runMain = "RUN_AS_WXCAST"

// clockFile names a file with how far ahead the clock of such a process is, which it reads
// again and again.
const clockFile = "WXCAST_TEST_CLOCK_FILE"

func followClock(file string) {
	follow := func() {
		raw, _ := os.ReadFile(file)
		if ahead, err := time.ParseDuration(string(raw)); err == nil {
			store.MoveClock(ahead)
		}
	}
	follow()
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			follow()
		}
	}()
}

// fileMax bounds the size of the files that such a process writes, in bytes.
const fileMax = "WXCAST_TEST_FILE_MAX"

func TestMain(m *testing.M) {
	if os.Getenv(runMain) != "" {
		if most, err := strconv.ParseUint(os.Getenv(fileMax), 10, 64); err == nil {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
				panic(err)
			}
		}
		if file := os.Getenv(clockFile); file != "" {
			followClock(file)
		}
		os.Exit(cli.Run(cli.UntilToldToStop(), os.Args[1:], cli.System()))
	}
	os.Exit(m.Run())
}

// longTests names the variable with which the tests that take a minute or more are run, too.
const longTests = "WXCAST_TEST_LONG"

// long leaves a test out that takes a minute or more: make test-long runs it.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv(longTests) == "" {
		t.Skip("it takes minutes: make test-long runs it")
	}
}

// bench is a simulated account, and a folder with the files that commands read.
type bench struct {
	sim *simulator.Server
	dir string
	env map[string]string
	// doctor are more arguments for wxcast doctor.
	doctor []string
}

// dayEnds is how long before a Beijing day's end no test begins: reports, quota and growth are of a
// day, and a test that sees two of them would be red once a night.
const dayEnds = 30 * time.Second

func newBench(t *testing.T, databaseURL string, o simulator.Options) *bench {
	t.Helper()
	if left := time.Until(wxcast.DayOf(time.Now()).Next().Begin()); left < dayEnds {
		time.Sleep(left)
	}
	b := &bench{sim: simulator.New(o), dir: t.TempDir()}
	server := httptest.NewServer(b.sim)
	t.Cleanup(server.Close)
	b.env = map[string]string{
		"WXCAST_DATABASE_URL": databaseURL, "WXCAST_API_BASE": server.URL,
		"WXCAST_TOKEN": b.sim.Token, "WXCAST_APPID": b.sim.AppID, "WXCAST_SECRET": b.sim.Secret,
		"WXCAST_MINI_APPID": b.sim.MiniAppID, "WXCAST_MINI_SECRET": b.sim.MiniSecret,
		"WXCAST_API_TIMEOUT": "1m", // an answer that is late, since the machine is busy, is not lost
	}
	var csv bytes.Buffer
	if err := b.sim.WriteMiniUsers(&csv); err != nil {
		t.Fatal(err)
	}
	b.write(t, "mini.csv", csv.String())
	b.write(t, "spec.yaml",
		fmt.Sprintf("name: spring-sale\ntemplate: %s\ndata: {thing1: \"上新提醒\", time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/sale/index?from=oa\"}\nrate: 2000\n", b.sim.TemplateID))
	return b
}

func (b *bench) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// output is what one command line left behind.
type output struct {
	code     int
	out, err string
}

// json is the command's one JSON object.
func (o output) json(t *testing.T) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(o.out))
	v := map[string]any{}
	if err := dec.Decode(&v); err != nil || dec.More() || o.code != 0 {
		t.Fatalf("exit code %d, no single JSON object: %v\n%s\n%s", o.code, err, o.out, o.err)
	}
	return v
}

// run runs a command line in this process.
func (b *bench) run(t *testing.T, args ...string) output { return b.runWith(t, nil, args...) }

// commandMost is more than any command takes: one that never ends fails its own test, with what it
// said, and not all of them.
const commandMost = 8 * time.Minute

// runWith is run with other environment variables; an empty one is unset.
func (b *bench) runWith(t *testing.T, env map[string]string, args ...string) output {
	t.Helper()
	all := maps.Clone(b.env)
	maps.Copy(all, env)
	var out, errOut bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), commandMost)
	defer cancel()
	code := cli.Run(ctx, args, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errOut,
		Getenv: func(name string) string { return all[name] }})
	return output{code, out.String(), errOut.String()}
}

// prepare brings the account to where a broadcast can begin.
func (b *bench) prepare(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"sync"}, {"import", b.file("mini.csv")}, {"join"}} {
		if o := b.run(t, args...); o.code != 0 {
			t.Fatalf("%v: %+v", args, o)
		}
	}
}

func number(t *testing.T, v map[string]any, path string) int64 {
	t.Helper()
	var at any = v
	for key := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			t.Fatalf("%s is not in %v", path, v)
		}
		at = m[key]
	}
	f, ok := at.(float64)
	if !ok {
		t.Fatalf("%s is %v", path, at)
	}
	return int64(f)
}

// process runs a command line as a process of its own.
func (b *bench) process(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = b.dir
	// The race detector sleeps a second before a program of it exits, each time.
	cmd.Env = append(os.Environ(), runMain+"=1", "GORACE=atexit_sleep_ms=0")
	for name, value := range b.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}
