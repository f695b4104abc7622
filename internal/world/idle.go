package world

import (
	"runtime"
	"time"
)

// What a process that has nothing to do may ask for and write, and what comes beside: the night's
// housekeeping, messages that waited for the next day's quota.
const (
	idleSteps             = 2_000
	idleStepsPerSecond    = 8
	idleStepsPerMessage   = 150
	idleCommits           = 100
	idleCommitsPerMinute  = 3 // of what waits for quota, or for receipts
	idleCommitsPerMessage = 10
)

// What memory may grow by from the first quarter of a long life to the last: what happened is kept by
// the simulator and by the world, too.
const (
	moreGoroutines     = 8
	moreHeap           = 16 << 20
	heapForEachMessage = 2 << 10
)

// idle is where things stood when the first process was last left alone.
type idle struct {
	process  *process
	since    time.Time
	steps    uint64
	commits  uint64
	messages int
	sizes    []size
}

// size is how large the processes and their world are while nothing is to do.
type size struct {
	goroutines int
	heap       uint64 // bytes that live
	messages   int
}

// nowIdle notes where things stand when there is nothing more to do.
func (w *world) nowIdle() {
	w.mu.Lock()
	p := w.running[0]
	w.mu.Unlock()
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.idle.process, w.idle.since = p, time.Now()
	w.idle.steps, w.idle.commits, w.idle.messages = p.steps, p.commits, w.sim.State().Messages
}

// checkIdle wants who had nothing to do since then to have done next to nothing.
func (w *world) checkIdle() {
	p := w.idle.process
	if p == nil || p.isDead() {
		return
	}
	p.mu.Lock()
	steps, commits := int64(p.steps-w.idle.steps), int64(p.commits-w.idle.commits)
	p.mu.Unlock()
	took, all := time.Since(w.idle.since), w.sim.State().Messages
	messages := int64(all - w.idle.messages)
	if most := idleSteps + int64(idleStepsPerSecond*took.Seconds()) + idleStepsPerMessage*messages; steps > most {
		w.broke("waiting costs the store little", "%d statements and calls in %v with %d messages, more than %d",
			steps, took.Round(time.Second), messages, most)
	}
	waits := int64(idleCommitsPerMinute * took.Minutes())
	if most := idleCommits + waits + idleCommitsPerMessage*messages; commits > most {
		w.broke("who has nothing to do writes nothing", "%d transactions in %v with %d messages, more than %d",
			commits, took.Round(time.Second), messages, most)
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	w.idle.sizes = append(w.idle.sizes, size{runtime.NumGoroutine(), memory.HeapAlloc, all})
	w.note("  idle for %v: %d steps, %d transactions, %d goroutines, %d kB", took, steps, commits,
		runtime.NumGoroutine(), memory.HeapAlloc>>10)
}

// checkSizes wants who lives long to stay as small as at first.
func (w *world) checkSizes() {
	all := w.idle.sizes
	quarter := len(all) / 4
	if quarter == 0 {
		return
	}
	before, after := largest(all[:quarter]), largest(all[len(all)-quarter:])
	if after.goroutines > before.goroutines+moreGoroutines {
		w.broke("who lives long stays small", "%d goroutines, %d in the first quarter", after.goroutines,
			before.goroutines)
	}
	if most := before.heap + moreHeap + heapForEachMessage*uint64(after.messages-before.messages); after.heap > most {
		w.broke("who lives long stays small", "%d kB live, %d kB in the first quarter, with %d messages more",
			after.heap>>10, before.heap>>10, after.messages-before.messages)
	}
	w.reached(longLife)
}

func largest(some []size) (most size) {
	for _, s := range some {
		most = size{max(most.goroutines, s.goroutines), max(most.heap, s.heap), max(most.messages, s.messages)}
	}
	return most
}
