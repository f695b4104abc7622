package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/limit"
)

func TestEachHasItsOwnLimit(t *testing.T) {
	l, now := limit.New(1, 3), time.Now()
	come := func(who string, at time.Duration) (n int) {
		for range 10 {
			if l.Allow(who, now.Add(at)) {
				n++
			}
		}
		return n
	}
	if a, b := come("a", 0), come("b", 0); a != 3 || b != 3 {
		t.Errorf("%d and %d at once, want 3 each", a, b)
	}
	if a := come("a", 2*time.Second); a != 2 {
		t.Errorf("%d after two seconds, want 2", a)
	}
}

// However many addresses somebody has, they cost little memory, and are bounded together.
func TestManyStrangersAreForgotten(t *testing.T) {
	l, now := limit.New(1, 20), time.Now()
	allowed := 0
	for n := range 100_000 {
		if l.Allow(fmt.Sprint(n), now) {
			allowed++
		}
	}
	if l.Known() > 10_000 || allowed > 10_000+20*20 {
		t.Errorf("%d are known, %d of 100,000 may come", l.Known(), allowed)
	}
	if !l.Allow("somebody", now.Add(2*time.Minute)) || l.Known() > 100 {
		t.Errorf("%d are known two minutes later", l.Known())
	}
}
