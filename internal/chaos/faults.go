package main

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

type fault = func(ctx context.Context, running []*command) error

// heal ends what the platform does wrong.
func (r *round) heal(k *simulator.Knobs) {
	k.Busy, k.BadGateway, k.DropBefore, k.DropAfter, k.BrokenJSON, k.MaxRate, k.KillTokenEvery, k.Jitter = 0, 0, 0, 0, 0, 0, 0, 0
	k.Latency = r.healthy.Latency
}

// kill kills a worker and starts another.
func (r *round) kill(_ context.Context, running []*command) (err error) {
	n := r.rnd.IntN(len(running))
	if !hasEnded(running[n]) {
		r.fault("kill -9 of a worker")
	}
	_ = running[n].Process.Kill()
	<-running[n].ended
	running[n], err = r.start(running[n].args...)
	return err
}

// Faults that hold up what had begun.
const (
	workerStopped  = "worker stopped (SIGSTOP)"
	answersDelayed = "WeChat: answers delayed"
)

// stop stops a worker for a while, often for longer than its lease lasts.
func (r *round) stop(_ context.Context, running []*command) error {
	victim := running[r.rnd.IntN(len(running))]
	r.fault(workerStopped)
	time.AfterFunc(time.Duration(1+r.rnd.IntN(11))*time.Second, func() { _ = victim.Process.Signal(syscall.SIGCONT) })
	return victim.Process.Signal(syscall.SIGSTOP)
}

// interrupt tells a worker to stop, and starts another.
func (r *round) interrupt(_ context.Context, running []*command) (err error) {
	n := r.rnd.IntN(len(running))
	r.fault("worker told to stop (SIGINT)")
	r.end(running[n])
	running[n], err = r.start(running[n].args...)
	return err
}

// stopWithin is how long a process that is told to stop may go on.
const stopWithin = 10 * time.Second

// inTurn does faults in any order, each a while after the one before, to what runs by then.
func (r *round) inTurn(ctx context.Context, faults []fault, running func() []*command, least,
	most time.Duration) error {
	r.rnd.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for _, f := range faults {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(least + time.Duration(r.rnd.Int64N(int64(most-least)))):
		}
		if err := f(ctx, running()); err != nil {
			return err
		}
	}
	return nil
}

// end tells a process to stop, and wants it to.
func (r *round) end(c *command) {
	_ = c.Process.Signal(syscall.SIGCONT) // it may be held up
	_ = c.Process.Signal(os.Interrupt)
	select {
	case <-c.ended:
		r.check("a stop ends within 10 seconds", true, "")
	case <-time.After(stopWithin):
		r.check("a stop ends within 10 seconds", false, "wxcast %s goes on", strings.Join(c.args, " "))
		_ = c.Process.Kill()
		<-c.ended
	}
}

func (r *round) restartPostgres(ctx context.Context, _ []*command) error {
	r.fault("Postgres killed and restarted")
	return r.postgres.Restart(ctx)
}

// cutConnections ends all connections to the round's database.
func (r *round) cutConnections(ctx context.Context, _ []*command) error {
	r.fault("connections to Postgres cut")
	db, err := sql.Open("postgres", r.env["WXCAST_DATABASE_URL"])
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	return err
}

// misbehave turns one or two knobs of the platform for a second.
func (r *round) misbehave(ctx context.Context, _ []*command) error {
	faults := []struct {
		name string
		turn func(k *simulator.Knobs)
	}{
		{"WeChat: answers lost after the effect", func(k *simulator.Knobs) { k.DropAfter = 0.1 }},
		{"WeChat: calls lost before the effect", func(k *simulator.Knobs) { k.DropBefore = 0.1 }},
		{"WeChat: answers broken", func(k *simulator.Knobs) { k.BrokenJSON = 0.1 }},
		{"WeChat: 502", func(k *simulator.Knobs) { k.BadGateway = 0.2 }},
		{"WeChat: system busy (-1)", func(k *simulator.Knobs) { k.Busy = 0.2 }},
		{"WeChat: token killed",
			func(k *simulator.Knobs) { k.KillTokenEvery = simulator.Duration(300 * time.Millisecond) }},
		{"WeChat: frequency limit (45011)", func(k *simulator.Knobs) { k.MaxRate = r.rate / 2 }},
		{answersDelayed, func(k *simulator.Knobs) {
			k.Latency, k.Jitter = simulator.Duration(200*time.Millisecond), simulator.Duration(300*time.Millisecond)
		}},
	}
	for range 1 + r.rnd.IntN(2) {
		f := faults[r.rnd.IntN(len(faults))]
		r.fault(f.name)
		r.sim.SetKnobs(f.turn)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	r.sim.SetKnobs(r.heal)
	return nil
}

// times repeats faults.
func times(n int, f fault) []fault {
	all := make([]fault, n)
	for i := range all {
		all[i] = f
	}
	return all
}
