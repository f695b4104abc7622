package bench

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"
)

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
	own := readStat(strconv.Itoa(backend))
	if own.name != "postgres" { // another machine's
		return 0
	}
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, process := range all {
		if s := readStat(process.Name()); process.Name() == own.parent {
			used += s.own + s.ended
		} else if s.parent == own.parent {
			used += s.own
		}
	}
	return used
}

// stat is a process's CPU time, and that of its children that have ended.
type stat struct {
	name, parent string
	own, ended   time.Duration
}

// tick is the unit of /proc's CPU times: Linux's USER_HZ, 100 on every machine.
const tick = 10 * time.Millisecond

// readStat reads /proc/PID/stat (proc(5)).
func readStat(pid string) (s stat) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return s
	}
	before, after, _ := strings.Cut(string(text), "(")
	name, rest, ok := strings.Cut(after, ")")
	if !ok || before == "" {
		return s
	}
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return s
	}
	ticks := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n) * tick
	}
	return stat{name: name, parent: fields[1], own: ticks(11) + ticks(12), ended: ticks(13) + ticks(14)}
}
