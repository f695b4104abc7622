package broadcast_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Recipients get their rows a little ahead of their messages, which leaves the store to others; but
// at once where few of them get a message, so that none of those waits.
func TestRecipientsGetTheirRowsAheadOfTheirMessages(t *testing.T) {
	for name, test := range map[string]struct {
		followers, optedOut, processes int
		rate                           float64
		after                          time.Duration
		least, most                    int64 // who have their rows after that time
	}{
		"all get a message": {6000, 0, 1, 100, 1500 * time.Millisecond, 3000, 3000},
		"by two processes":  {14_000, 0, 2, 500, 3500 * time.Millisecond, 7000, 11_000},
		"few get one":       {6000, 5900, 1, 100, 1500 * time.Millisecond, 6000, 6000},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, test.followers, func(t *testing.T, b *bubble) {
				b.options.Rate = test.rate
				out := make([]string, test.optedOut)
				for i := range out {
					out[i] = fmt.Sprintf("o%06d", i)
				}
				if _, _, err := b.AddOptOuts(t.Context(), b.account, out, "test"); err != nil {
					t.Fatal(err)
				}
				job := b.add(t, name)
				time.AfterFunc(test.after, func() {
					tally, err := b.Tally(context.WithoutCancel(t.Context()), job.Ref())
					if n := tally.Recipients; err != nil || n < test.least || n > test.most {
						t.Errorf("%d have their rows after %v (%v), want %d to %d", n, test.after, err, test.least,
							test.most)
					}
				})
				var all sync.WaitGroup
				for range test.processes {
					all.Go(func() { b.run(t, job, wxcast.BroadcastDone) })
				}
				all.Wait()
				if tally := b.count(t, job); tally.Sent != int64(test.followers-test.optedOut) {
					t.Errorf("%+v, want all others sent", tally)
				}
			})
		})
	}
}
