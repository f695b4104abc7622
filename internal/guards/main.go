// Command guards breaks each guard of the sending once: a condition of claims, leases, slots,
// quota, outcomes, receipts, permits or the fall from one channel to the next is left out, or turned
// around. Some test must find that. What nothing finds stands in docs/decisions/guards.md, with the
// reason; anything else is an error.
//
//	go run ./sql/storetest/withpostgres go run ./internal/guards
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
)

func main() {
	var o options
	only := flag.String("only", "", "break only guards whose name this regular expression is found in")
	flag.BoolVar(&o.list, "list", false, "name the guards, and break none")
	flag.BoolVar(&o.negate, "negate", false, "turn each condition of Go around, too")
	flag.BoolVar(&o.unknown, "unknown", false, "break none that "+survivorsFile+" names")
	flag.IntVar(&o.atOnce, "at-once", 2, "how many are broken at a time")
	flag.Parse()
	o.only = regexp.MustCompile(*only)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "guards:", err)
		os.Exit(1)
	}
}

type options struct {
	only         *regexp.Regexp
	list, negate bool
	unknown      bool
	atOnce       int
}

func run(ctx context.Context, o options) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	all, err := guardsOf(root)
	if err != nil {
		return err
	}
	known, err := knownSurvivors(root)
	if err != nil {
		return err
	}
	if stale := missing(all, known); o.only.String() == "" && len(stale) > 0 {
		return fmt.Errorf("%s names guards that are not there: %s", survivorsFile, strings.Join(stale, "; "))
	}
	var chosen []mutant
	for _, g := range all {
		for _, how := range []string{dropped, negated} {
			if m := (mutant{g, how}); o.only.MatchString(m.name()) && (how == dropped || o.negate && !g.ofQuery()) &&
				!(o.unknown && known[m.name()]) {
				chosen = append(chosen, m)
			}
		}
	}
	if o.list {
		for _, m := range chosen {
			fmt.Println(m.name())
		}
		return nil
	}
	b, err := newBench(ctx, root, all)
	if err != nil {
		return err
	}
	defer b.close()
	return b.breakAll(ctx, chosen, o.atOnce, known)
}

// mutant is a guard that is broken in one way.
type mutant struct {
	guard
	how string
}

func (m mutant) name() string { return m.guard.name() + " [" + m.how + "]" }

// survivorsFile says which guards nothing finds when they are broken, and why.
const survivorsFile = "docs/decisions/guards.md"

var survivorRow = regexp.MustCompile("(?m)^\\| `(.+? \\[(?:" + dropped + "|" + negated + ")\\])` \\|")

func knownSurvivors(root string) (map[string]bool, error) {
	text, err := os.ReadFile(root + "/" + survivorsFile)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, row := range survivorRow.FindAllStringSubmatch(string(text), -1) {
		known[strings.ReplaceAll(row[1], `\|`, "|")] = true
	}
	return known, nil
}

// missing are those of the names that no guard has.
func missing(all []guard, names map[string]bool) (some []string) {
	there := map[string]bool{}
	for _, g := range all {
		for _, how := range []string{dropped, negated} {
			there[mutant{g, how}.name()] = true
		}
	}
	for name := range names {
		if !there[name] {
			some = append(some, name)
		}
	}
	return some
}
