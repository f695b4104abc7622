package account

import (
	"context"
	"sync"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// youngMost is how many broadcasts a process begins before the first of them have ended, or
	// are no longer its own: were it all that there are, other processes would have none.
	youngMost = 64
	// ownFor is how long a broadcast is its own who began it, and smallFor a small one: who joins
	// that costs the store as much as who sends it. It is longer than a dead process's leases.
	ownFor, smallFor = 900 * time.Millisecond, 9 * time.Second
	// leaveWithin is how long a process that is stopped may take to tell what it leaves.
	leaveWithin = time.Second
)

// own is for how long a broadcast is its own who began it.
func own(b wxcast.Broadcast) time.Duration {
	if b.Small() {
		return smallFor
	}
	return ownFor
}

// worker is this process at work on its account's broadcasts.
type worker struct {
	*Account
	crew *broadcast.Crew
	all  sync.WaitGroup
	// met is when those were first seen that another process has begun; the loop's own.
	met map[int64]time.Time
	// free has one when there may be room for a new broadcast that had none.
	free chan struct{}

	mu     sync.Mutex
	atWork map[int64]bool
	young  map[int64]time.Time // when those were begun that are at work
	left   []int64             // of those at work, when the process was stopped
	full   bool                // the last look for new ones found as many as there was room for
}

func newWorker(a *Account, crew *broadcast.Crew) *worker {
	return &worker{Account: a, crew: crew, met: map[int64]time.Time{}, free: make(chan struct{}, 1),
		atWork: map[int64]bool{}, young: map[int64]time.Time{}}
}

// take goes on with what is due, joins others in what they have at work, and begins what is new.
func (w *worker) take(ctx context.Context, due []wxcast.Broadcast) {
	met := map[int64]time.Time{}
	for _, b := range due {
		w.grows(b)
		if b.State == wxcast.BroadcastRunning && !b.OfMessages() {
			first, before := w.met[b.ID]
			if !before {
				first = time.Now()
			}
			if met[b.ID] = first; time.Since(first) < own(b) {
				continue
			}
		}
		w.start(ctx, b)
	}
	w.met = met
	there, err := w.db.AnyNewBroadcast(ctx, w.ID)
	if err != nil && ctx.Err() == nil {
		w.log.ErrorContext(ctx, "new broadcasts not looked up", "account", w.Name(), "err", err)
	}
	if there {
		w.begin(ctx)
	}
}

// grows makes room for another where a broadcast is its own no more, as a large one soon is.
func (w *worker) grows(b wxcast.Broadcast) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if begun, young := w.young[b.ID]; young && time.Since(begun) > own(b) {
		delete(w.young, b.ID)
	}
}

// begin begins as many new broadcasts as there is room for.
func (w *worker) begin(ctx context.Context) {
	room := w.room()
	if room == 0 {
		return
	}
	begun, err := w.db.BeginBroadcasts(ctx, w.ID, room)
	if err != nil {
		if ctx.Err() == nil {
			w.log.ErrorContext(ctx, "no broadcast was begun", "account", w.Name(), "err", err)
		}
		return
	}
	w.mu.Lock()
	w.full = len(begun) == room
	for _, b := range begun {
		w.young[b.ID] = time.Now()
	}
	w.mu.Unlock()
	for _, b := range begun {
		w.start(ctx, b)
	}
}

// room is for how many new broadcasts there is room.
func (w *worker) room() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full = true // until a look tells
	return youngMost - len(w.young)
}

// start works on a broadcast, unless this process does already.
func (w *worker) start(ctx context.Context, b wxcast.Broadcast) {
	w.mu.Lock()
	taken := w.atWork[b.ID]
	w.atWork[b.ID] = true
	w.mu.Unlock()
	if taken {
		return
	}
	w.all.Go(func() {
		rest := w.work(ctx, w.crew, b)
		if rest > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(rest):
			}
		}
		w.over(b.ID, ctx.Err() != nil)
	})
}

// leave waits for the end of all work, and leaves to others at once what has not ended.
func (w *worker) leave(ctx context.Context) {
	w.all.Wait()
	if len(w.left) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	if err := w.db.LeaveBroadcasts(ctx, w.ID, w.left); err != nil {
		w.log.WarnContext(ctx, "others will take over only in some seconds what was at work", "err", err)
	}
}

// over makes room where a broadcast has ended that this process began.
func (w *worker) over(id int64, left bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.atWork, id)
	if left {
		w.left = append(w.left, id)
	}
	_, young := w.young[id]
	delete(w.young, id)
	if !young || !w.full {
		return
	}
	select {
	case w.free <- struct{}{}:
	default: // it is told already
	}
}
