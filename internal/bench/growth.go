package bench

import (
	"context"
	"fmt"
)

// measureGrowth does the whole job for more and more followers.
func measureGrowth(ctx context.Context, w *world) error {
	for _, n := range w.Sizes {
		w.populate(n)
		w.say("the whole job for %d", n)
		if err := w.upToBroadcast(ctx, func(command string,
			u usage) error {
			return w.growthRow(ctx, command, n, u, u.calls())
		}); err != nil {
			return err
		}
		u, err := w.broadcast(ctx, job{name: fmt.Sprintf("to-%d", n), rate: asFast, n: n, processes: 1,
			inFlight: w.Connections})
		if err == nil {
			err = w.growthRow(ctx, "broadcast", n, u, int64(n))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) growthRow(ctx context.Context, what string, n int, u usage, calls int64) error {
	size, err := w.databaseMiB(ctx)
	if err != nil {
		return err
	}
	w.row(what, n, u, func(r *Row) {
		r.Calls, r.DatabaseMiB = calls, size
		if what == "broadcast" {
			r.InFlight = w.Connections
		}
	})
	return nil
}
