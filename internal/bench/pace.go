package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The pace that is measured.
const (
	paceRate    = 500
	paceSeconds = 60
)

// measurePace measures the rate over a minute, and in every single second of it, by one
// process and by four.
func measurePace(ctx context.Context, w *world) error {
	const n = paceRate * paceSeconds
	w.populate(n)
	for _, processes := range []int{1, 4} {
		if err := w.prepare(ctx); err != nil {
			return err
		}
		w.say("%d messages at %d a second by %d processes", n, paceRate, processes)
		w.platform.timed.Store(true)
		u, err := w.broadcast(ctx, job{name: "paced", rate: paceRate, n: n, processes: processes,
			inFlight: w.Connections})
		w.platform.timed.Store(false)
		if err != nil {
			return err
		}
		at := w.platform.arrivals()
		w.row("at 500 a second", n, u, func(r *Row) {
			r.Processes, r.InFlight, r.Calls, r.Ceiling = processes, w.Connections, int64(n), paceRate
		})
		took := at[len(at)-1].Sub(at[0]).Seconds()
		w.atLeast(fmt.Sprintf("achieved of 500 a second, processes: %d", processes), float64(n-1)/took/paceRate*100, 99,
			"%")
		w.atMost(fmt.Sprintf("the fullest of all seconds, processes: %d", processes),
			float64(fullest(at, time.Second))/paceRate*100, 102, "%")
	}
	return nil
}

// fullest is the most messages in any window of that length.
func fullest(at []time.Time, window time.Duration) (most int) {
	slices.SortFunc(at, time.Time.Compare)
	from := 0
	for to := range at {
		for at[to].Sub(at[from]) >= window {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}
