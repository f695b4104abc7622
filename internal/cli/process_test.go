package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// kill starts a command and ends it with the signal after a while; the exit code
// is -1 for a process that the signal killed.
func (b *bench) kill(t *testing.T, signal os.Signal, after time.Duration, args ...string) (code int, took time.Duration) {
	t.Helper()
	cmd := b.process(args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	signalled := time.Now()
	_ = cmd.Process.Signal(signal)
	err := cmd.Wait()
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
		for _, after := range []time.Duration{300, 450, 700, 950, 400} {
			if code, _ := b.kill(t, syscall.SIGKILL, after*time.Millisecond, "broadcast", "run", spec); code == -1 {
				killed++
			}
		}
		if killed < 3 {
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
		if took := time.Since(started); took > 25*time.Second {
			t.Errorf("it took %v to finish", took)
		}
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		state := b.sim.State()
		if number(t, status, "sent") != 3000 || status["state"] != "done" || state.Messages != 3000 || state.Duplicates != 0 {
			t.Errorf("%v beside %+v", status, state)
		}
	})
}

func TestKilledSyncsGoOn(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 20_000, Seed: 32, Knobs: simulator.Knobs{PageSize: 2000, Latency: simulator.Duration(10 * time.Millisecond)}})
		b.env["WXCAST_SYNC_RATE"] = "150"
		for _, after := range []time.Duration{500, 900} {
			b.kill(t, syscall.SIGKILL, after*time.Millisecond, "sync")
		}
		started := time.Now()
		sync := b.run(t, "sync", "--json").json(t)
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("it took %v to go on", took)
		}
		if number(t, sync, "listed") != 20_000 || sync["resumed"] != true {
			t.Errorf("%v", sync)
		}
		report := b.run(t, "report", "--json").json(t)
		if number(t, report, "followers.followers") != 20_000 || number(t, report, "followers.with_unionid") != number(t, sync, "with_unionid") {
			t.Errorf("%v", report)
		}
	})
}

func TestAnInterruptStopsWithinTwoSeconds(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{
			Followers: 3000, Seed: 33, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}, Knobs: simulator.Knobs{Latency: simulator.Duration(20 * time.Millisecond)},
		})
		code, took := b.kill(t, os.Interrupt, 150*time.Millisecond, "sync")
		if code != 130 && code != 0 || took > 2*time.Second {
			t.Errorf("sync: exit code %d after %v", code, took)
		}
		b.prepare(t)
		b.env["WXCAST_BROADCAST_CONCURRENCY"] = "10"
		code, took = b.kill(t, os.Interrupt, 900*time.Millisecond, "broadcast", "run", b.file("spec.yaml"))
		if code != 130 || took > 2*time.Second {
			t.Errorf("broadcast: exit code %d after %v", code, took)
		}
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		if sent := number(t, status, "sent"); sent != int64(b.sim.State().Messages) || sent == 0 || sent == 3000 {
			t.Errorf("%d recorded, %d sent", sent, b.sim.State().Messages)
		}
	})
}

func TestFourProcessesOnABadPlatform(t *testing.T) {
	if testing.Short() {
		t.Skip("20,000 recipients")
	}
	const recipients = 20_000
	b := newBench(t, storetest.PostgresURL(t), simulator.Options{Followers: recipients, Seed: 34, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1, Unreachable: 0.01}})
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
	if sent+failed != recipients || failed != number(t, status, "by_errcode.43004") || int64(state.Messages) != sent || state.Duplicates != 0 {
		t.Errorf("%v beside %+v", status, state)
	}
	kills, fetches := state.TokenKills-before.TokenKills, state.TokenFetches-before.TokenFetches
	if kills == 0 || fetches > 2*kills {
		t.Errorf("%d token fetches for %d kills", fetches, kills)
	}
	t.Logf("%d sent, %d repeats taken once, %d token fetches for %d kills", sent, state.Deduplicated, fetches, kills)
}
