package broadcast

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// onlyClock is a store of which a crew's pulse needs the clock.
type onlyClock struct {
	Store
	jumped time.Time
}

func (onlyClock) Now() time.Time { return time.Now() }

func (o *onlyClock) ClockJumped() time.Time { return o.jumped }

// pulseOf is a crew that has just had a heartbeat.
func pulseOf() *Crew {
	c := NewCrew(&onlyClock{}, 1, 1, nil)
	c.beatenAt(time.Now())
	return c
}

// What bounds a process that was frozen with its clock: WeChat's clock has gone on.
func TestWeChatsClockTellsThatAProcessStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pulseOf()
		for _, off := range []time.Duration{0, time.Second, -time.Second, 0} { // it shows whole seconds
			c.heard(time.Now().Add(off))
		}
		if !c.sure() {
			t.Fatal("in doubt though WeChat's clock goes as ours")
		}
		time.Sleep(time.Millisecond)
		c.heard(time.Now().Add(11 * time.Minute))
		if c.sure() {
			t.Fatal("sure, though WeChat's clock is eleven minutes on")
		}
		select {
		case <-c.pulse.now:
		default:
			t.Error("it asks for no heartbeat")
		}
		waited := make(chan time.Duration)
		go func() {
			begun := time.Now()
			c.makeSure(context.Background(), func() bool { return false })
			waited <- time.Since(begun)
		}()
		time.Sleep(300 * time.Millisecond)
		c.beatenAt(time.Now())
		if d := <-waited; d != 300*time.Millisecond || !c.sure() {
			t.Errorf("waited %v for the heartbeat, want the 300 ms that it took", d)
		}
		for range 3 { // one of its machines is so far ahead, and others are not
			c.heard(time.Now().Add(11 * time.Minute))
			c.heard(time.Now())
		}
		if !c.sure() {
			t.Error("in doubt again though nothing has moved")
		}
	})
}

// The store's clock is heard of in a claim, too, before WeChat's is: what is measured by it then
// goes as WeChat's does, and tells nothing.
func TestTheStoresClockTellsThatAProcessStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pulseOf()
		time.Sleep(time.Millisecond)
		c.store.(*onlyClock).jumped = time.Now()
		if c.sure() {
			t.Fatal("sure, though the store's clock has jumped since the last heartbeat")
		}
		time.Sleep(time.Millisecond)
		c.beatenAt(time.Now())
		if !c.sure() {
			t.Error("in doubt after a heartbeat that began when the clock had jumped")
		}
	})
}

func TestWithoutAHeartbeatNobodyIsSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pulseOf()
		time.Sleep(sureFor + time.Millisecond)
		if c.sure() || c.outOfTouch() {
			t.Errorf("sure %v, out of touch %v, a second after the last heartbeat", c.sure(), c.outOfTouch())
		}
		begun := time.Now()
		c.makeSure(context.Background(), func() bool { return time.Since(begun) >= time.Second })
		time.Sleep(leaseTTL)
		if !c.outOfTouch() {
			t.Error("in touch, a lease's length after the last heartbeat")
		}
	})
}

// A lease that a heartbeat does not find is another's: nothing of it leaves from then on.
func TestALeaseThatIsGoneEndsItsBatchAtOnce(t *testing.T) {
	var r registry
	at := time.Now()
	kept, gone := r.add(nil, wxcast.Claim{LeaseID: 1}, at), r.add(nil, wxcast.Claim{LeaseID: 2}, at)
	r.renewed([]int64{1, 2}, []int64{1}, at)
	young := r.add(nil, wxcast.Claim{LeaseID: 3}, at)
	r.renewed([]int64{1}, []int64{1}, at)
	if !kept.mayStillSend(false) || gone.mayStillSend(false) || !young.mayStillSend(false) {
		t.Errorf("renewed %v, gone %v, claimed meanwhile %v; want only what is gone to end", kept.mayStillSend(false),
			gone.mayStillSend(false), young.mayStillSend(false))
	}
}
