package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
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

// fixingStore counts the transactions that give recipients their rows, and lets some of them fail.
type fixingStore struct {
	*store.DB
	fails func(ids []int64) error

	mu           sync.Mutex
	transactions int
}

func (s *fixingStore) FixTogether(ctx context.Context, accountID int64, ids []int64, limit int) ([]wxcast.Fixing,
	error) {
	s.mu.Lock()
	s.transactions++
	s.mu.Unlock()
	time.Sleep(latency) // as a store that is away: others come meanwhile
	if err := s.fails(ids); err != nil {
		return nil, err
	}
	return s.DB.FixTogether(ctx, accountID, ids, limit)
}

// Small broadcasts that begin at once share the transaction that gives their recipients their rows.
// Where it fails, each is tried alone: one that has a fault stops no other.
func TestSmallBroadcastsGetTheirRowsTogether(t *testing.T) {
	const many = 20
	fault := errors.New("this one's audience is broken")
	for name, test := range map[string]struct {
		broken, most int // the broadcast that has a fault; how many transactions there may be
	}{
		"all are well":    {-1, 3},
		"one has a fault": {7, 3 * many},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 5, func(t *testing.T, b *bubble) {
				b.options.Rate = 1000
				jobs := make([]wxcast.Broadcast, many)
				for i := range jobs {
					jobs[i] = b.add(t, fmt.Sprint("small ", i))
				}
				s := &fixingStore{DB: b.DB, fails: func(ids []int64) error {
					if test.broken >= 0 && slices.Contains(ids, jobs[test.broken].ID) {
						return fault
					}
					return nil
				}}
				crew := broadcast.NewCrew(s, b.account, 8, b.options.Log)
				var all sync.WaitGroup
				for i, job := range jobs {
					all.Go(func() {
						after, err := crew.Run(t.Context(), job, []broadcast.With{{Channel: b, Platform: b}}, b.options)
						switch broken := i == test.broken; {
						case broken && !errors.Is(err, fault):
							t.Errorf("%s: %v, want its own fault", job.Name, err)
						case !broken && (err != nil || after.State != wxcast.BroadcastDone):
							t.Errorf("%s is %s (%v), want it done", job.Name, after.State, err)
						}
					})
				}
				all.Wait()
				if s.transactions > test.most {
					t.Errorf("%d transactions for %d broadcasts, want %d at most", s.transactions, many, test.most)
				}
			})
		})
	}
}
