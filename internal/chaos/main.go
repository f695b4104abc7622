// Command chaos breaks wxcast in many ways at once and counts what was lost: real
// processes, real Postgres and SQLite, and the simulator of WeChat, whose ledger is the
// truth. What goes wrong, and when, follows from a seed.
//
//	go run ./internal/chaos -for 3m
//	go run ./internal/chaos -seed 7 -scenario workers -rounds 1
//	go run ./internal/chaos -mutations      each deliberate break must be found
//
// docs/promises.md says what it checks, and under which assumptions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

type options struct {
	lasts     time.Duration
	seed      uint64
	rounds    int // 0: as many as fit into lasts
	scenarios []scenario
	verbose   bool
	size      manySize
}

func main() {
	o := options{}
	only := flag.String("scenario", "", "only these, parted by commas: "+strings.Join(scenarioNames(), ", "))
	mutation := flag.String("mutation", "", "break wxcast in this way first; the run must find it")
	mutations := flag.Bool("mutations", false, "all deliberate breaks, one after the other; each must be found")
	flag.DurationVar(&o.lasts, "for", 3*time.Minute, "how long; the round that is at work is ended")
	flag.Uint64Var(&o.seed, "seed", 0, "what goes wrong, and when; 0 picks one and says it")
	flag.IntVar(&o.rounds, "rounds", 0, "how many rounds, whatever -for says")
	flag.BoolVar(&o.verbose, "v", false, "tell each fault")
	keep := flag.String("keep-stores", "",
		"only leave a store of each kind in this folder, in the middle of a broadcast")
	flag.IntVar(&o.size.broadcasts, "broadcasts", 20, "of the scenario many")
	flag.IntVar(&o.size.people, "people", 200, "of the scenario many")
	flag.IntVar(&o.size.rate, "rate", 400, "messages a second of the scenario many")
	flag.IntVar(&o.size.workers, "workers", 3, "of the scenario many")
	flag.DurationVar(&o.size.watch, "watch", 0, "how long to look at the scenario many; 0 for to its end")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1
	}
	for _, s := range scenarios {
		if *only == "" || slices.Contains(strings.Split(*only, ","), s.name) {
			o.scenarios = append(o.scenarios, s)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *keep != "":
		err = runKeeping(ctx, o, *keep)
	case len(o.scenarios) == 0:
		err = fmt.Errorf("-scenario: write one of %s", strings.Join(scenarioNames(), ", "))
	case *mutations:
		err = runMutations(ctx, o, allMutations)
	case *mutation != "":
		m := slices.IndexFunc(allMutations, func(m mutationOf) bool { return m.name == *mutation })
		if m < 0 {
			err = fmt.Errorf("-mutation: there is no %s", *mutation)
		} else {
			err = runMutations(ctx, o, allMutations[m:m+1])
		}
	default:
		err = runClean(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// runKeeping leaves stores for later versions to take over.
func runKeeping(ctx context.Context, o options, dir string) error {
	w, err := newWorld(ctx, "")
	if err != nil {
		return err
	}
	defer w.close()
	var kept error
	o.rounds, o.scenarios = 1, []scenario{{"keep", func(r *round, ctx context.Context) error {
		kept = r.keepStores(ctx, dir)
		return kept
	}}}
	_, broken, err := run(ctx, w, o)
	if len(broken) > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %s", errBroken, strings.Join(broken, "; ")))
	}
	return errors.Join(err, kept)
}

// errBroken says that a promise was broken.
var errBroken = errors.New("a promise was broken")

func runClean(ctx context.Context, o options) error {
	w, err := newWorld(ctx, "")
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Printf("Seed %d. Postgres: %s.\n", o.seed, w.postgres.How)
	count, broken, err := run(ctx, w, o)
	if err != nil {
		return err
	}
	count.print()
	left := ""
	if len(count.leftOut) > 0 {
		left = " Left out, as this machine lacks what they need: " + strings.Join(slices.Sorted(maps.Keys(count.leftOut)), ", ") + "."
	}
	switch {
	case len(broken) > 0: // said once more, last: the end of a long log is what is kept
		return fmt.Errorf("%w: %s", errBroken, strings.Join(broken, "; "))
	case count.rounds == 0:
		return errors.New("nothing was tried." + left)
	}
	fmt.Println("Nothing was lost, repeated, exceeded or leaked." + left)
	return nil
}

// run runs rounds until the time is over, or a promise is broken; a command that failed may
// have broken some, too.
func run(ctx context.Context, w *world, o options) (*tally, []string, error) {
	count := &tally{faults: map[string]int{}, checks: map[string]int{}, leftOut: map[string]bool{}}
	begun := time.Now()
	for n := 0; ; n++ {
		if o.rounds > 0 && n >= o.rounds || o.rounds == 0 && n > 0 && time.Since(begun) > o.lasts {
			return count, nil, nil
		}
		s := o.scenarios[n%len(o.scenarios)]
		seed := o.seed + uint64(n) // so that a round can be had again alone
		r := &round{world: w, tally: count, number: n, seed: seed, verbose: o.verbose, size: o.size,
			rnd: rand.New(rand.NewPCG(seed, 0))}
		started := time.Now()
		err := r.play(ctx, s)
		if errors.Is(err, pgserver.ErrNotHere) {
			fmt.Printf("round %-3d %-9s left out: %v\n", n+1, s.name, err)
			count.leftOut[s.name] = true
			if len(o.scenarios) == 1 {
				return count, nil, nil
			}
			continue
		}
		count.rounds++
		fmt.Printf("round %-3d %-9s %5.1f s  %s\n", n+1, s.name, time.Since(started).Seconds(), r.summary())
		for _, b := range r.broken {
			fmt.Println("  BROKEN:", b)
		}
		if err != nil {
			return count, r.broken, fmt.Errorf("round %d (%s): %w", n+1, again(s, seed), err)
		}
		if len(r.broken) > 0 {
			fmt.Println("  again, with each fault told:", again(s, seed))
			return count, r.broken, nil
		}
	}
}

// again says how to have a round again.
func again(s scenario, seed uint64) string {
	return fmt.Sprintf("-scenario %s -seed %d -rounds 1 -v", s.name, seed)
}

// tally counts over all rounds.
type tally struct {
	rounds         int
	messages       int
	faults, checks map[string]int
	leftOut        map[string]bool // scenarios
}

func (t *tally) print() {
	fmt.Printf("\n%d rounds, %d messages.\n", t.rounds, t.messages)
	for _, part := range []struct {
		title string
		of    map[string]int
	}{{"Faults injected", t.faults}, {"Promises checked", t.checks}} {
		fmt.Println(part.title)
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			fmt.Printf("  %6d  %s\n", part.of[name], name)
		}
	}
}
