package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// scenario is a kind of round.
type scenario struct {
	name string
	play func(r *round, ctx context.Context) error
}

// scenarios in the order in which a run goes through them.
var scenarios = []scenario{
	{"workers", (*round).workers},
	{"answers", (*round).answers},
	{"failover", (*round).failover},
	{"sqlite", (*round).sqlite},
	{"channels", (*round).channels},
	{"cards", (*round).cards},
	{"consents", (*round).consented},
	{"messages", (*round).single},
	{"console", (*round).console},
	{"pooler", (*round).pooler},
	{"sync", (*round).syncs},
	{"quota", (*round).quota},
	{"serve", (*round).serve},
	{"upgrade", (*round).upgrade},
	{"stores", (*round).stores},
	{"disk", (*round).disk},
	{"many", (*round).many},
	{"clocks", (*round).clocks},
	{"standby", (*round).standby},
	{"frozen", (*round).frozen},
	{"systems", (*round).systemsTold},
	{"patroni", (*round).patroni},
}

func scenarioNames() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return names
}

// round is one broken broadcast, or sync.
type round struct {
	*world
	*tally
	number  int
	seed    uint64
	verbose bool
	size    manySize
	rnd     *rand.Rand

	dir      string
	run      string // the binary that is started
	env      map[string]string
	sim      *platform
	healthy  simulator.Knobs // of the platform where nothing is wrong
	pages    []string        // that were fetched
	commands []*command
	injected map[string]int
	broken   []string
	rate     int
	sent     int // recipients of the broadcast
}

// play plays a scenario and checks all promises.
func (r *round) play(ctx context.Context, s scenario) (err error) {
	if r.dir, err = os.MkdirTemp(r.world.dir, "round-"); err != nil {
		return err
	}
	r.injected, r.run = map[string]int{}, r.binary
	defer func() {
		for _, c := range r.commands {
			_ = c.Process.Signal(syscall.SIGCONT)
			_ = c.Process.Kill()
			<-c.ended
		}
		if r.sim != nil {
			r.sim.close()
		}
		_ = os.RemoveAll(r.dir)
	}()
	err = s.play(r, ctx)
	r.checkOutputs()
	for name, n := range r.injected {
		r.faults[name] += n
	}
	return err
}

func (r *round) summary() string {
	parts := []string{}
	for _, name := range slices.Sorted(maps.Keys(r.injected)) {
		parts = append(parts, fmt.Sprintf("%d %s", r.injected[name], name))
	}
	return strings.Join(parts, ", ")
}

// fault counts a fault that is being injected.
func (r *round) fault(name string) {
	r.injected[name]++
	if r.verbose {
		fmt.Printf("    %s %s\n", time.Now().Format("15:04:05.000"), name)
	}
}

// check counts a promise that is being checked, and notes where it is broken.
func (r *round) check(name string, holds bool, format string, args ...any) {
	r.checks[name]++
	if !holds {
		r.broken = append(r.broken, name+": "+fmt.Sprintf(format, args...))
	}
}

// prepare makes an account with so many followers, all of whom are in the mini program,
// and brings them into a database.
func (r *round) prepare(ctx context.Context, database string, followers int, knobs simulator.Knobs) (err error) {
	knobs.DuplicateFilter = -1 // WeChat's filter of equal texts would hide what we send twice
	r.healthy = knobs
	if r.sim, err = newPlatform(simulator.Options{Followers: followers, Seed: r.seed,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}, Knobs: knobs}); err != nil {
		return err
	}
	r.env = r.sim.env()
	maps.Copy(r.env, map[string]string{"WXCAST_DATABASE_URL": database, "WXCAST_LOG_LEVEL": "debug",
		"WXCAST_SYNC_RATE": "5000", "WXCAST_BROADCAST_MAX_FAILURES": "5000"})
	var csv bytes.Buffer
	if err := r.sim.WriteMiniUsers(&csv); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "mini.csv"), csv.Bytes(), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{{"sync"}, {"import", "mini.csv"}, {"join"}} {
		if _, err := r.do(ctx, []int{0}, args...); err != nil {
			return err
		}
	}
	return nil
}

// spec writes the round's spec.
func (r *round) spec(recipients, rate int) error {
	r.sent, r.rate = recipients, rate
	return os.WriteFile(filepath.Join(r.dir, "spec.yaml"),
		fmt.Appendf(nil, "name: chaos\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: pages/chaos}\nrate: %d\n", r.sim.TemplateID, rate), 0o600)
}

// calls are those that were made to send.
func (r *round) calls() int64 {
	return r.sim.CallsTo(wechat.TemplateSendAPI) + r.sim.CallsTo(wechat.SubscribeSendAPI) +
		r.sim.CallsTo(wechat.CustomSendAPI)
}

// broadcast lets workers send the spec, breaks things until it is done or the faults are
// used up, and lets it end.
func (r *round) broadcast(ctx context.Context, workers int, faults []func(context.Context, []*command) error) error {
	running, err := r.startWorkers(workers)
	if err != nil {
		return err
	}
	r.rnd.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	share := int64(r.sent / (len(faults) + 1))
	for _, inject := range faults {
		until := r.calls() + r.rnd.Int64N(share) + 1
		for deadline := time.Now().Add(20 * time.Second); r.calls() < until && time.Now().Before(deadline) &&
			ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
			if allEnded(running) {
				break
			}
		}
		if allEnded(running) {
			break
		}
		if err := inject(ctx, running); err != nil {
			return err
		}
	}
	r.sim.SetKnobs(r.heal)
	if err := awaitAll(ctx, running); err != nil {
		return err
	}
	// Whatever made them stop, the same command goes on.
	_, err = r.do(ctx, []int{0}, "broadcast", "run", "spec.yaml", "--json")
	return err
}

// startWorkers lets so many processes work on the round's spec.
func (r *round) startWorkers(n int) (running []*command, err error) {
	running = make([]*command, n)
	for i := range running {
		if running[i], err = r.start("broadcast", "run", "spec.yaml", "--json"); err != nil {
			return nil, err
		}
	}
	return running, nil
}

// awaitAll waits until all of them have ended.
func awaitAll(ctx context.Context, running []*command) error {
	for _, c := range running {
		select {
		case <-c.ended:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(commandWithin):
			return fmt.Errorf("a worker does not end: %s", tail(c.out.String()))
		}
	}
	return nil
}

// broadcastID is the number of the round's only broadcast: a store that was killed while
// one was created may have left numbers out.
func (r *round) broadcastID(ctx context.Context) (string, error) {
	list, err := r.ask(ctx, "broadcast", "list")
	if err != nil {
		return "", err
	}
	all, _ := list["broadcasts"].([]any)
	if len(all) != 1 {
		return "", fmt.Errorf("there are %d broadcasts", len(all))
	}
	id, ok := all[0].(map[string]any)["id"].(float64)
	if !ok {
		return "", fmt.Errorf("there is no id in %v", all[0])
	}
	return strconv.Itoa(int(id)), nil
}

func hasEnded(c *command) bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

func allEnded(all []*command) bool {
	return !slices.ContainsFunc(all, func(c *command) bool { return !hasEnded(c) })
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
