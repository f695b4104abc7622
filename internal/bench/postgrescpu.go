package bench

import (
	"context"
	"time"

	"github.com/prometheus/procfs"
)

// watchPostgres begins to measure what the store's Postgres uses; used tells how much it was,
// 0 where that is not known.
func (w *world) watchPostgres(ctx context.Context) (used func() time.Duration) {
	before := w.postgresCPU(ctx)
	return func() time.Duration {
		after := w.postgresCPU(ctx)
		if before == 0 || after == 0 {
			return 0
		}
		return after - before
	}
}

// postgresCPU is what all processes of the store's Postgres have used so far; 0 where it
// is not on this machine, or cannot be read.
func (w *world) postgresCPU(ctx context.Context) (used time.Duration) {
	if w.engine != postgres {
		return 0
	}
	db, err := w.open()
	if err != nil {
		return 0
	}
	defer db.Close()
	var backend int
	if err := db.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0
	}
	processes, err := procfs.AllProcs()
	if err != nil {
		return 0
	}
	stats := map[int]procfs.ProcStat{}
	for _, p := range processes {
		if s, err := p.Stat(); err == nil { // it may have ended
			stats[p.PID] = s
		}
	}
	own := stats[backend]
	if own.Comm != "postgres" { // another machine's
		return 0
	}
	for pid, s := range stats {
		switch {
		case pid == own.PPID:
			used += ticks(s.UTime+s.STime) + ticks(uint(s.CUTime+s.CSTime))
		case s.PPID == own.PPID:
			used += ticks(s.UTime + s.STime)
		}
	}
	return used
}

// ticks is a CPU time of /proc: Linux counts in hundredths of a second everywhere.
func ticks(n uint) time.Duration { return time.Duration(n) * 10 * time.Millisecond }
