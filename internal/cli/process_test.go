package cli_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest"
)

// kill starts a command and ends it with the signal when there have been so many more
// calls to an API of WeChat; the exit code is -1 for a process that the signal killed.
func (b *bench) kill(t *testing.T, signal os.Signal, api string, calls int64, args ...string) (code int,
	took time.Duration) {
	t.Helper()
	calls += b.sim.CallsTo(api)
	cmd := b.process(args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	signalled := time.Now()
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-time.After(2 * time.Millisecond):
			if calls > 0 && b.sim.CallsTo(api) >= calls {
				calls, signalled = 0, time.Now()
				_ = cmd.Process.Signal(signal)
			}
		}
	}
	took = time.Since(signalled)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code = cmd.ProcessState.ExitCode(); code > 0 && code != 130 {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
	return code, took
}

func TestKilledBroadcastsGoOnAndNobodyIsToldTwice(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{
			Followers: 3000, Seed: 31, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
			Knobs: simulator.Knobs{Latency: simulator.Duration(5 * time.Millisecond), DropAfter: 0.01},
		})
		b.prepare(t)
		spec := b.file("spec.yaml")
		raw, err := os.ReadFile(spec)
		if err != nil {
			t.Fatal(err)
		}
		b.write(t, "spec.yaml", strings.Replace(string(raw), "rate: 2000", "rate: 700", 1))
		killed := 0
		for _, calls := range []int64{1, 200, 500, 300, 700} {
			if code, _ := b.kill(t, syscall.SIGKILL, wechat.TemplateSendAPI, calls, "broadcast", "run",
				spec); code == -1 {
				killed++
			}
		}
		if killed < 4 {
			t.Errorf("only %d of 5 were at work when they were killed", killed)
		}
		// Two at once take over what the dead left.
		started := time.Now()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if out, err := b.process("broadcast", "run", spec, "--json").CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		wg.Wait()
		if took := time.Since(started); took > 40*time.Second {
			t.Errorf("it took %v to finish", took)
		}
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		state := b.sim.State()
		if number(t, status, "sent") != 3000 || status["state"] != "done" || state.Messages != 3000 ||
			state.Duplicates != 0 {
			t.Errorf("%v beside %+v", status, state)
		}
	})
}

// kills is how often a test kills a process. The full measure takes minutes.
func kills(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("WXCAST_TEST_KILLS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Followers come and leave while the sync is killed again and again; in the end
// the store says what the simulator says, person by person.
func TestKilledSyncsEndInTheTruth(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		n := 20_000
		if os.Getenv("WXCAST_TEST_KILLS") != "" {
			n = 200_000
		}
		b := newBench(t, url, simulator.Options{Followers: n, Seed: 32,
			Knobs: simulator.Knobs{PageSize: n / 20, Latency: simulator.Duration(10 * time.Millisecond)}})
		b.env["WXCAST_SYNC_RATE"] = "50"          // so that they are at work when they are killed
		b.env["WXCAST_SYNC_RESUME_WITHIN"] = "1m" // some runs begin anew
		rnd := rand.New(rand.NewPCG(32, 32))
		killed := 0
		for range kills(t, 3) {
			if code, _ := b.kill(t, syscall.SIGKILL, wechat.BatchGetAPI, 1+rnd.Int64N(60), "sync"); code == -1 {
				killed++
			}
			b.sim.AddFollowers(rnd.IntN(n / 1000))
			b.sim.RemoveFollowers(rnd.IntN(n / 1000))
		}
		if killed == 0 {
			t.Error("none was at work when it was killed")
		}
		partly := b.run(t, "sync", "status", "--json").json(t)["runs"].([]any)[0].(map[string]any)
		t.Logf("after the last of %d kills: %v", killed, partly)
		b.env["WXCAST_SYNC_RATE"] = "5000"
		started := time.Now()
		b.run(t, "sync", "--json").json(t)
		if took := time.Since(started); n == 20_000 && took > 40*time.Second {
			t.Errorf("it took %v to go on", took)
		}
		b.run(t, "sync", "--json").json(t) // who came after the first listing had passed them
		stored := map[string]string{}
		for _, row := range readCSV(t, b.run(t, "followers", "export"))[1:] {
			stored[row[0]] = row[1]
		}
		truth := 0
		for openid, unionid := range b.sim.Followers() {
			truth++
			if got, ok := stored[openid]; !ok || got != unionid {
				t.Errorf("%s: stored %v as %q, in truth %q", openid, ok, got, unionid)
			}
		}
		if truth != len(stored) {
			t.Errorf("%d are stored, %d follow", len(stored), truth)
		}
	})
}

// Ctrl-C, what systemd sends, and what a terminal sends that goes away.
func TestASignalStopsWithinTwoSeconds(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{
			Followers: 3000, Seed: 33, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
			Knobs: simulator.Knobs{Latency: simulator.Duration(20 * time.Millisecond)},
		})
		code, took := b.kill(t, os.Interrupt, wechat.BatchGetAPI, 1, "sync")
		if code != 130 && code != 0 || took > 2*time.Second {
			t.Errorf("sync: exit code %d after %v", code, took)
		}
		b.prepare(t)
		b.env["WXCAST_BROADCAST_CONCURRENCY"] = "10"
		for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
			if signal.Ignored(sig) {
				continue // as under nohup: so it is for what we start
			}
			code, took = b.kill(t, sig, wechat.TemplateSendAPI, 300, "broadcast", "run", b.file("spec.yaml"))
			if code != 130 || took > 2*time.Second {
				t.Errorf("%v: exit code %d of a broadcast after %v", sig, code, took)
			}
			status := b.run(t, "broadcast", "status", "1", "--json").json(t)
			if sent := number(t, status, "sent"); sent != int64(b.sim.State().Messages) || sent == 0 || sent == 3000 {
				t.Errorf("%v: %d recorded, %d sent", sig, sent, b.sim.State().Messages)
			}
		}
	})
}

func TestFourProcessesOnABadPlatform(t *testing.T) {
	long(t)
	const recipients = 8000
	b := newBench(t, storetest.PostgresURL(t), simulator.Options{Followers: recipients, Seed: 34,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1, Unreachable: 0.01}})
	b.env["WXCAST_SYNC_RATE"] = "2000"
	b.prepare(t)
	b.sim.SetKnobs(func(k *simulator.Knobs) {
		k.KillTokenEvery, k.Latency = simulator.Duration(2*time.Second), simulator.Duration(20*time.Millisecond)
		k.Busy, k.BadGateway, k.DropAfter = 0.02, 0.01, 0.01
	})
	before := b.sim.State()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if out, err := b.process("broadcast", "run", b.file("spec.yaml"), "--json").CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	status := b.run(t, "broadcast", "status", "1", "--json").json(t)
	state := b.sim.State()
	sent, failed := number(t, status, "sent"), number(t, status, "failed")
	if sent+failed != recipients || failed != number(t, status, "by_errcode.43004") || int64(state.Messages) != sent ||
		state.Duplicates != 0 {
		t.Errorf("%v beside %+v", status, state)
	}
	kills, fetches := state.TokenKills-before.TokenKills, state.TokenFetches-before.TokenFetches
	if kills == 0 || fetches > 2*kills {
		t.Errorf("%d token fetches for %d kills", fetches, kills)
	}
	t.Logf("%d sent, %d repeats taken once, %d token fetches for %d kills", sent, state.Deduplicated, fetches, kills)
}
