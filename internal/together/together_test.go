package together_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wxcast/wxcast/internal/together"
)

var errBad = errors.New("bad")

// What waits is done together, each gets its own result, and one that cannot be done costs the
// others nothing.
func TestWhatWaitsIsDoneTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		q := together.New(10, time.Minute, func(_ context.Context, all []int) ([]int, error) {
			sizes = append(sizes, len(all))
			time.Sleep(time.Second)
			if slices.Contains(all, 13) {
				return nil, errBad
			}
			doubled := make([]int, len(all))
			for i, n := range all {
				doubled[i] = 2 * n
			}
			return doubled, nil
		})
		ctx, stop := context.WithCancel(t.Context())
		var running, all sync.WaitGroup
		running.Go(func() { q.Run(ctx) })
		for n := range 16 {
			all.Go(func() {
				switch got, err := q.Put(t.Context(), n); {
				case n == 13 && !errors.Is(err, errBad):
					t.Errorf("13: %d %v, want its own error", got, err)
				case n != 13 && (err != nil || got != 2*n):
					t.Errorf("%d: %d %v", n, got, err)
				}
			})
		}
		all.Wait()
		if len(sizes) > 16+3 || slices.Max(sizes) > 10 {
			t.Errorf("done in pieces of %v", sizes)
		}
		stop()
		running.Wait()
	})
}

// Who waits for a slow store gives up in time, and what waits at the end is done.
func TestWhoWaitsGivesUpAndWhatWaitsIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := 0
		q := together.New(1, time.Minute, func(_ context.Context, all []int) ([]int, error) {
			time.Sleep(10 * time.Second)
			done += len(all)
			return all, nil
		})
		ctx, stop := context.WithCancel(t.Context())
		var running, all sync.WaitGroup
		running.Go(func() { q.Run(ctx) })
		for n := range 3 {
			all.Go(func() {
				waiting, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				_, err := q.Put(waiting, n)
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		stop()
		running.Wait()
		if done != 3 {
			t.Errorf("%d were done of 3 that were taken in", done)
		}
	})
}
