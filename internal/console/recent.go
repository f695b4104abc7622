package console

import (
	"sync"
	"time"
)

// recentMost is how many answers are kept at most.
const recentMost = 1000

// recent keeps answers for a while. It is safe for concurrent use.
type recent[K comparable, T any] struct {
	keep time.Duration
	mu   sync.Mutex
	of   map[K]recentAnswer[T]
}

type recentAnswer[T any] struct {
	answer T
	at     time.Time
}

func newRecent[K comparable, T any](keep time.Duration) *recent[K, T] {
	return &recent[K, T]{keep: keep, of: map[K]recentAnswer[T]{}}
}

func (r *recent[K, T]) get(key K, now time.Time) (answer T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.of[key]
	return known.answer, ok && now.Sub(known.at) < r.keep
}

func (r *recent[K, T]) put(key K, answer T, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for old, known := range r.of {
		if now.Sub(known.at) >= r.keep {
			delete(r.of, old)
		}
	}
	if len(r.of) >= recentMost {
		clear(r.of)
	}
	r.of[key] = recentAnswer[T]{answer, now}
}
