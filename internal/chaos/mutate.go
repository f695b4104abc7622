package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// mutationOf is a deliberate break of the source.
type mutationOf struct {
	name     string
	breaks   string // the promise
	scenario string // in which it shows
	file     string
	old, new string
	fails    bool // wxcast itself may find it, and a command then fails
}

// failed begins the find of a command that ended with an error.
const failed = "a command failed: "

// mutationRounds is how many rounds may pass until a break is found.
const mutationRounds = 4

// runMutations builds wxcast with each break, and wants the rounds to find it.
func runMutations(ctx context.Context, o options, mutations []mutationOf) error {
	var missed []string
	for _, m := range mutations {
		broken, err := runMutation(ctx, o, m)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", m.name, err)
		case !m.foundIn(broken):
			missed = append(missed, m.name)
			fmt.Printf("MISSED  %-22s %s (but %q)\n", m.name, m.breaks, broken)
		default:
			fmt.Printf("found   %-22s %s\n", m.name, m.breaks)
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("breaks that nothing noticed: %s", strings.Join(missed, ", "))
	}
	fmt.Printf("All %d deliberate breaks were found.\n", len(mutations))
	return nil
}

func runMutation(ctx context.Context, o options, m mutationOf) ([]string, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	tree, err := os.MkdirTemp("", "wxcast-broken-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tree)
	if err := copySource(ctx, root, tree); err != nil {
		return nil, err
	}
	file := filepath.Join(tree, m.file)
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(raw), m.old); n != 1 {
		return nil, fmt.Errorf("%s holds %q %d times: write the break anew", m.file, m.old, n)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(raw), m.old, m.new, 1)), 0o600); err != nil {
		return nil, err
	}
	if seed, ok := strings.CutPrefix(m.scenario, inWorld); ok {
		return simulate(ctx, tree, strings.TrimSpace(seed))
	}
	if m.scenario == inModel {
		return holdToModel(ctx, tree)
	}
	w, err := newWorld(ctx, tree)
	if err != nil {
		return nil, err
	}
	defer w.close()
	o.scenarios = nil
	for _, s := range scenarios {
		if s.name == m.scenario {
			o.scenarios = append(o.scenarios, s)
		}
	}
	// The round that finds it may come after one in which it broke something else.
	var broken []string
	o.rounds = 1
	for n := 0; n < mutationRounds && !m.foundIn(broken); n, o.seed = n+1, o.seed+1 {
		_, found, err := run(ctx, w, o)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if broken = append(broken, found...); err != nil {
			broken = append(broken, failed+firstLine(err.Error()))
		}
	}
	return broken, nil
}

// inWorld begins the scenario of a break that shows in the simulated world, from that seed on;
// onPostgres ends it where it shows there alone, thatStays where it takes processes that run through
// the nights.
const (
	inWorld    = "world"
	onPostgres = " on postgres"
	thatStays  = " that stays"
)

// simulate lets the simulated world find what is broken, in twenty stories.
func simulate(ctx context.Context, tree, seed string) ([]string, error) {
	seed, stays := strings.CutSuffix(seed, thatStays)
	seed, onPostgres := strings.CutSuffix(seed, onPostgres)
	args := []string{"test", "./internal/world", "-run", "TestWorlds", "-count", "1", "-args",
		"-seeds", "20", "-shrink", "0s", "-seed", seed}
	if onPostgres {
		args = slices.Concat([]string{"run", "./sql/storetest/withpostgres", "go"}, args, []string{"-on", "postgres"})
	} else {
		args = append(args, "-on", "sqlite")
	}
	if stays {
		args = append(args, "-stay")
	}
	test := exec.CommandContext(ctx, "go", args...)
	test.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOGC=400") // as make simulate
	test.Dir = tree
	out, err := test.CombinedOutput()
	if err == nil {
		return nil, nil
	}
	_, told, ok := strings.Cut(string(out), "Then:\n")
	if !ok {
		return nil, fmt.Errorf("the simulated world: %w: %s", err, tail(string(out)))
	}
	var broken []string
	for line := range strings.Lines(told) {
		broken = append(broken, strings.TrimSpace(line))
	}
	return broken, nil
}

// inModel is the scenario of a break that shows where the store is held against the model of it.
const inModel = "model"

// holdToModel lets the model find what is broken, on SQLite.
func holdToModel(ctx context.Context, tree string) ([]string, error) {
	test := exec.CommandContext(ctx, "go", "test", "./sql", "-run", "TestTheStoreIsAsTheModel/sqlite", "-count", "1",
		"-rapid.checks", "600", "-rapid.seed", "3", "-rapid.nofailfile", "-rapid.shrinktime", "1s")
	test.Dir = tree
	out, err := test.CombinedOutput()
	if err == nil {
		return nil, nil
	}
	_, told, ok := strings.Cut(string(out), " tests: ")
	if !ok {
		return nil, fmt.Errorf("the model: %w: %s", err, tail(string(out)))
	}
	return []string{firstLine(told)}, nil
}

// foundIn tells whether the break is among what was found broken.
func (m mutationOf) foundIn(broken []string) bool {
	return slices.ContainsFunc(broken, func(b string) bool {
		return strings.HasPrefix(b, m.breaks+":") || m.fails && strings.HasPrefix(b, failed)
	})
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// copySource copies the files that git knows; of a copy, all.
func copySource(ctx context.Context, from, to string) error {
	if _, err := os.Stat(filepath.Join(from, ".git")); errors.Is(err, fs.ErrNotExist) {
		return os.CopyFS(to, os.DirFS(from))
	}
	list := exec.CommandContext(ctx, "git", "ls-files", "-z")
	list.Dir = from
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed and not yet committed
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), raw, 0o600); err != nil {
			return err
		}
	}
	return nil
}
