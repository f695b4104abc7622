package bench

import (
	"context"
	"fmt"
)

// measureGrowth does the whole job for more and more followers.
func measureGrowth(ctx context.Context, w *world) error {
	for _, n := range w.Sizes {
		w.populate(n)
		if err := w.newStore(ctx); err != nil {
			return err
		}
		file, err := w.miniUsers()
		if err != nil {
			return err
		}
		for _, args := range [][]string{{"sync"}, {"import", file}, {"join"}} {
			w.say("%s of %d", args[0], n)
			u, err := w.run(ctx, args...)
			if err == nil {
				err = w.growthRow(ctx, args[0], n, u, u.calls())
			}
			if err != nil {
				return err
			}
		}
		w.say("broadcast to %d", n)
		u, err := w.broadcast(ctx, fmt.Sprintf("to-%d", n), w.Connections, n)
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
