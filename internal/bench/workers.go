package bench

import (
	"context"
	"fmt"
	"time"
)

// What each of the processes has in flight, and for how long about they send.
const (
	workersInFlight = 50
	workersLatency  = 50 * time.Millisecond
	workersFor      = 10 * time.Second
)

// measureWorkers measures one broadcast by more and more processes: where WeChat's answers
// are what takes time, and where the machine is.
func measureWorkers(ctx context.Context, w *world) error {
	const each = int(float64(workersInFlight) / float64(workersLatency) * float64(workersFor))
	w.populate(max(8*each, roundSize))
	if err := w.prepare(ctx); err != nil {
		return err
	}
	for _, latency := range []time.Duration{workersLatency, 0} {
		for _, processes := range []int{1, 2, 4, 8} {
			n := each * processes
			if latency == 0 {
				n = roundSize
			}
			if err := w.workers(ctx, latency, processes, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) workers(ctx context.Context, latency time.Duration, processes, n int) error {
	w.platform.slow(latency)
	defer w.platform.slow(0)
	w.say("%d messages by %d processes, answers after %v", n, processes, latency)
	bare, err := w.bare(ctx, processes*workersInFlight, n)
	if err != nil {
		return err
	}
	u, err := w.broadcast(ctx, job{name: fmt.Sprintf("by-%d-after-%v", processes, latency), rate: asFast, n: n,
		processes: processes, inFlight: workersInFlight})
	if err != nil {
		return err
	}
	w.row("by several processes", n, u, func(r *Row) {
		r.Processes, r.InFlight, r.Calls, r.Ceiling = processes, workersInFlight, int64(n), float64(n)/bare.wall.Seconds()
	})
	return nil
}
