package bench

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"
)

// crashLatency makes the broadcast long enough to be killed in the middle.
const crashLatency = 20 * time.Millisecond

// withoutMessage is the bar that tells who is missing.
const withoutMessage = "people without a message"

// measureCrash kills a broadcast's process when half of the messages are out, runs the
// same command again, and counts who has none and who has two, by the platform's ledger.
func measureCrash(ctx context.Context, w *world) error {
	n := min(w.Size, roundSize)
	w.populate(n)
	if err := w.prepare(ctx); err != nil {
		return err
	}
	file, err := w.spec("killed", asFast, n)
	if err != nil {
		return err
	}
	w.platform.ledger.Store(true)
	w.platform.slow(crashLatency)
	defer w.platform.slow(0)
	w.say("%d messages, answers after %v, kill -9 at half of them", n, crashLatency)
	w.platform.reset()
	begun := time.Now()
	victim := exec.CommandContext(ctx, w.Binary, "broadcast", "run", file, "--yes")
	victim.Env, victim.Dir = w.inFlight(w.Connections), w.dir
	var said bytes.Buffer
	victim.Stderr = &said
	if err := victim.Start(); err != nil {
		return err
	}
	for w.platform.taken.Load() < int64(n/2) && ctx.Err() == nil && time.Since(begun) < time.Minute {
		time.Sleep(time.Millisecond)
	}
	sent := w.platform.taken.Load()
	_ = victim.Process.Kill()
	_ = victim.Wait()
	if sent < int64(n/2) || victim.ProcessState.Exited() {
		return fmt.Errorf("it was to be killed at half, and was not: %d of %d were sent: %s", sent, n, said.String())
	}
	u, err := w.runJSON(ctx, w.inFlight(w.Connections), "broadcast", "run", file, "--yes")
	if err != nil {
		return err
	}
	u.wall = time.Since(begun)
	if u.number("sent") != float64(n) {
		return fmt.Errorf("%v are recorded, of %d", u.out["sent"], n)
	}
	w.row("killed at half, run again", n, u, func(r *Row) {
		r.InFlight, r.Calls = w.Connections, w.platform.taken.Load()
	})
	state := w.sim.State()
	w.none(withoutMessage, n-state.People)
	w.none("people with two", state.Duplicates)
	return nil
}
