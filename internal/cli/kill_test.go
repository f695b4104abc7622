package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Workers are killed at random moments while a hundredth of the answers are lost after
// the effect. The full measure is WXCAST_TEST_KILLS=200: 20 broadcasts to 5,000 on each
// store, by one worker and by four.
func TestKilledWorkersSkipNobodyAndTellNobodyTwice(t *testing.T) {
	recipients, total := 1000, kills(t, 4)
	if os.Getenv("WXCAST_TEST_KILLS") != "" {
		recipients = 5000
	}
	const killsOfOne = 10
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{
			Followers: recipients, Seed: 35, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
			Knobs: simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond), DropAfter: 0.01,
				DailyLimits: map[string]int64{wechat.TemplateSendAPI: 1_000_000}},
		})
		b.prepare(t)
		rnd := rand.New(rand.NewPCG(35, uint64(total)))
		killed := 0
		for round := 1; killed < total; round++ {
			name := fmt.Sprintf("killed-%d", round)
			spec := b.write(t, name+".yaml",
				fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: \"%s\", time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/%s\"}\nrate: %d\n", name, b.sim.TemplateID, name, name, recipients))
			workers := 1 + 3*(round%2)
			more := b.killSome(t, rnd, workers, min(killsOfOne, total-killed), int64(recipients), spec)
			killed += more
			b.everyoneHasOne(t, name, recipients)
			t.Logf("%s: %d workers, %d kills", name, workers, more)
		}
		t.Logf("%d kills, %d repeats that WeChat took once", killed, b.sim.State().Deduplicated)
	})
}

// killSome has so many processes work on a broadcast at a time until it is done, and
// kills one of them after a random number of calls, at most so often. It returns how
// many it killed.
func (b *bench) killSome(t *testing.T, rnd *rand.Rand, workers, most int, recipients int64, spec string) (killed int) {
	t.Helper()
	type worker struct {
		cmd   *exec.Cmd
		out   *bytes.Buffer
		ended chan struct{}
	}
	start := func() *worker {
		w := &worker{cmd: b.process("broadcast", "run", spec, "--json"), out: &bytes.Buffer{},
			ended: make(chan struct{})}
		w.cmd.Stdout, w.cmd.Stderr = w.out, w.out
		if err := w.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { _ = w.cmd.Wait(); close(w.ended) }()
		return w
	}
	running := make([]*worker, workers)
	for i := range running {
		running[i] = start()
	}
	for killed < most {
		until := b.sim.CallsTo(wechat.TemplateSendAPI) + 1 + rnd.Int64N(recipients/int64(most))
		victim := rnd.IntN(workers)
		for ended := false; !ended && b.sim.CallsTo(wechat.TemplateSendAPI) < until; {
			select {
			case <-running[victim].ended:
				ended = true
			case <-time.After(time.Duration(rnd.Int64N(int64(3 * time.Millisecond)))):
			}
		}
		w := running[victim]
		_ = w.cmd.Process.Kill()
		<-w.ended
		if w.cmd.ProcessState.ExitCode() != -1 { // it had ended by itself: the broadcast is done
			break
		}
		killed++
		running[victim] = start()
	}
	for _, w := range running {
		<-w.ended
		if code := w.cmd.ProcessState.ExitCode(); code != 0 && code != -1 {
			t.Errorf("exit code %d: %s", code, w.out)
		}
	}
	return killed
}

// everyoneHasOne holds a broadcast's ledger against the simulator's, person by person.
func (b *bench) everyoneHasOne(t *testing.T, name string, recipients int) {
	t.Helper()
	var id int64
	for _, one := range b.run(t, "broadcast", "list", "--json").json(t)["broadcasts"].([]any) {
		if one := one.(map[string]any); one["name"] == name {
			id = number(t, one, "id")
		}
	}
	theirs := map[string]int64{}
	for m := range b.sim.Messages() {
		if m.PagePath != "pages/"+name {
			continue
		}
		if theirs[m.OpenID] != 0 {
			t.Errorf("%s: %s got it twice", name, m.OpenID)
		}
		theirs[m.OpenID] = m.MsgID
	}
	o := b.run(t, "broadcast", "export", fmt.Sprint(id), "--format", "jsonl")
	if o.code != 0 {
		t.Fatal(o.err)
	}
	dec, ours := json.NewDecoder(strings.NewReader(o.out)), 0
	for dec.More() {
		var d struct {
			OpenID string `json:"openid"`
			State  string `json:"state"`
			MsgID  string `json:"msgid"`
		}
		if err := dec.Decode(&d); err != nil {
			t.Fatal(err)
		}
		if ours++; d.State != "sent" || d.MsgID != fmt.Sprint(theirs[d.OpenID]) {
			t.Errorf("%s: %s is %s with msgid %s, in truth %d", name, d.OpenID, d.State, d.MsgID, theirs[d.OpenID])
		}
	}
	if ours != recipients || len(theirs) != recipients {
		t.Errorf("%s: %d deliveries and %d messages, want %d", name, ours, len(theirs), recipients)
	}
	if status := b.run(t, "broadcast", "status", fmt.Sprint(id), "--json").json(t); status["state"] != "done" {
		t.Errorf("%v", status)
	}
}
