package console

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wxcast/wxcast/internal/report"
)

func TestWhatIsSlowIsCountedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow[string, int](newBudget())
		counts := 0
		count := func(_ context.Context, before *int) (int, error) {
			counts++
			time.Sleep(2 * time.Second)
			return counts, nil
		}
		if got, err := s.get(t.Context(), "x", time.Now().Add(slowWait), count); got != nil || err != nil {
			t.Errorf("a page waits for %v (%v)", got, err)
		}
		for range 200 { // seconds in which many look
			time.Sleep(time.Second)
			for range 10 {
				if _, err := s.get(t.Context(), "x", time.Now().Add(slowWait), count); err != nil {
					t.Fatal(err)
				}
			}
		}
		if counts > 6 || counts < 4 { // of 2 seconds, at most a twentieth of the time
			t.Errorf("%d counts in 200 seconds", counts)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
	})
}

func TestAFailedCountIsNoPagesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow[string, int](newBudget())
		var n atomic.Int64
		get := func() (*int, error) {
			got, err := s.get(t.Context(), "x", time.Now().Add(slowWait), func(context.Context, *int) (int, error) {
				switch n.Add(1) {
				case 1:
					return 0, errors.New("the store is away")
				case 3:
					panic("a mistake")
				}
				return int(n.Load()), nil
			})
			synctest.Wait()
			return got, err
		}
		if got, err := get(); got != nil || err == nil {
			t.Errorf("%v %v", got, err)
		}
		time.Sleep(2 * time.Second)
		if got, err := get(); err != nil && got == nil { // it may still be the one before
			time.Sleep(10 * time.Millisecond)
		}
		for range 3 {
			time.Sleep(2 * time.Second)
			if got, err := get(); got == nil || err != nil {
				t.Errorf("what was counted is hidden: %v %v", got, err)
			}
		}
	})
}

func TestTheRateIsThatOfTheLastSeconds(t *testing.T) {
	at := time.Now()
	of := func(sent int64) report.Broadcast { return report.Broadcast{Sent: sent} }
	first := next(nil, of(0), at)
	second := next(&first, of(500), at.Add(time.Second))
	third := next(&second, of(1000), at.Add(2*time.Second))
	late := next(&third, of(21_000), at.Add(42*time.Second)) // a large one is counted seldom
	if first.Rate != -1 || second.Rate != -1 || third.Rate != 500 || late.Rate != 500 {
		t.Errorf("%v %v %v %v", first.Rate, second.Rate, third.Rate, late.Rate)
	}
}

// However many broadcasts there are to count, sending has most of the time; the first few are
// there at once.
func TestAllCountingTogetherIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow[int, int](newBudget())
		var busy atomic.Int64
		look := func(key int) *int {
			got, err := s.get(t.Context(), key, time.Now(), func(context.Context, *int) (int, error) {
				time.Sleep(100 * time.Millisecond)
				busy.Add(100)
				return key, nil
			})
			if err != nil {
				t.Error(err)
			}
			return got
		}
		for key := range 10 {
			look(key)
		}
		time.Sleep(time.Second)
		for key := range 10 {
			if look(key) == nil {
				t.Errorf("the first ten are not there after a second: not %d", key)
			}
		}
		for range 100 { // seconds in which 200 are looked at
			for key := range 200 {
				look(key)
			}
			time.Sleep(time.Second)
		}
		if ms := busy.Load(); ms > 23_000 || ms < 19_000 {
			t.Errorf("%d ms of 100 s were counting: want about a fifth", ms)
		}
		time.Sleep(time.Hour) // it ends what it began
		synctest.Wait()
	})
}
