package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

// older lets the round's processes be those of the last release; where there was none, of this
// version. The next one is this version with one migration more.
func (r *round) older(ctx context.Context) (next string, err error) {
	released, tag, err := r.lastRelease(ctx)
	if err != nil {
		return "", err
	}
	if released != "" {
		r.run = released
		r.fault("upgrade from " + tag)
	}
	return r.nextVersion(ctx)
}

const upgraded = "process replaced by one of the next version"

// upgrade: the processes are replaced by those of the next version, one by one, which has migrated
// the schema under the old ones: the workers of a broadcast, or those that serve programs.
func (r *round) upgrade(ctx context.Context) error {
	next, err := r.older(ctx)
	if err != nil {
		return err
	}
	old := r.run
	if n := r.rnd.IntN(3); n == 0 {
		err = r.upgradeWorkers(ctx, next)
	} else {
		err = r.upgradeServing(ctx, next, n)
	}
	if err != nil {
		return err
	}
	r.run = old
	c, err := r.do(ctx, []int{0, 1, 2}, "broadcast", "list")
	if err != nil {
		return err
	}
	code := c.ProcessState.ExitCode()
	r.check("an older version says that the schema is newer", code == 2 &&
		strings.Contains(c.out.String(), "newer wxcast"), "it ends with %d: %s", code, tail(c.out.String()))
	return nil
}

func (r *round) upgradeWorkers(ctx context.Context, next string) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	recipients := 3000 + r.rnd.IntN(1000)
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 600); err != nil {
		return err
	}
	replaced := 0
	replace := func(_ context.Context, running []*command) (err error) {
		if replaced == len(running) {
			return nil
		}
		r.check("an older version goes on beside a newer one", !hasEnded(running[replaced]), "%s",
			tail(running[replaced].out.String()))
		r.fault(upgraded)
		r.run = next
		if r.rnd.IntN(2) == 0 {
			_ = running[replaced].Process.Kill()
			<-running[replaced].ended
		} else {
			r.end(running[replaced])
		}
		running[replaced], err = r.start(running[replaced].args...)
		replaced++
		return err
	}
	if err := r.broadcast(ctx, 3, append(times(3, replace), times(2, r.misbehave)...)); err != nil {
		return err
	}
	return r.checkBroadcast(ctx)
}

// upgradeServing replaces replicas that programs ask for single messages: any number on Postgres,
// one on SQLite.
func (r *round) upgradeServing(ctx context.Context, next string, replicas int) (err error) {
	database := "sqlite://" + filepath.Join(r.dir, "wxcast.db")
	if replicas > 1 {
		if database, err = r.database(ctx); err != nil {
			return err
		}
	}
	a, err := r.newAsking(ctx, database, replicas)
	if err != nil {
		return err
	}
	replace := func(context.Context, []*command) error {
		r.check("an older version goes on beside a newer one", !hasEnded(a.replicas[0]), "%s",
			tail(a.replicas[0].out.String()))
		r.fault(upgraded)
		r.run = next
		if r.rnd.IntN(2) == 0 {
			return a.replace(func(c *command) { _ = c.Process.Kill() })
		}
		return a.replace(r.end)
	}
	return a.through(ctx, append(times(replicas, replace), times(2, r.misbehave)...))
}
