package bench

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// The rate over a minute, and in every single second of it, with one worker and with
// four on one Postgres.
func BenchmarkPace(b *testing.B) {
	const rate, seconds = 500, 60
	for _, workers := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d_workers", workers), func(b *testing.B) {
			a, p := newBroadcastAccount(b, "postgres", rate*seconds)
			spec := a.spec(b, "paced", rate)
			fmt.Printf("\nBroadcast at %d a second by %d processes on one Postgres\n", rate, workers)
			p.reset()
			p.timed = true
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() { a.run(b, "broadcast", "run", spec, "--yes") })
			}
			wg.Wait()
			at := p.arrivals()
			if len(at) != rate*seconds {
				b.Fatalf("%d messages, want %d", len(at), rate*seconds)
			}
			took := at[len(at)-1].Sub(at[0])
			atLeast(b, "achieved of the rate", float64(len(at)-1)/took.Seconds()/rate*100, 99, "%")
			verdict(b, "the fullest second of all", float64(fullest(at, time.Second))/rate*100, 102, "%")
			note("the fullest tenth of a second", fmt.Sprintf("%d messages, %d are due", fullest(at, time.Second/10), rate/10))
		})
	}
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
