package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestAScheduledBroadcastBeginsAtItsTime(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 200, Seed: 38,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		if o := b.run(t, "broadcast", "create", b.file("spec.yaml"), "--at", "2020-01-01 10:00"); o.code != 2 ||
			!strings.Contains(o.err, "--at: 2020-01-01 10:00 is over; name a time to come, in Beijing") {
			t.Errorf("%+v", o)
		}
		created, at := b.createSoon(t, b.file("spec.yaml"))
		if created["state"] != "scheduled" || number(t, created, "recipients") != 0 {
			t.Errorf("%v", created)
		}
		started := b.run(t, "broadcast", "start", "1", "--json").json(t)
		if started["state"] != "done" || number(t, started, "sent") != 200 {
			t.Errorf("%v", started)
		}
		// The store's clock decides, which a process knows to half a round trip.
		begins := at.Truncate(time.Second).Add(-200 * time.Millisecond)
		for m := range b.sim.Messages() {
			if m.At.Before(begins) {
				t.Fatalf("a message left at %v, before %v", m.At, at)
			}
		}
	})
}

func TestAWatchedBroadcastIsTold(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b, spec := newPacedBench(t, url, 1500)
		b.prepare(t)
		w := b.start(t, 100, "broadcast", "run", spec)
		o := b.run(t, "broadcast", "status", "1", "--watch", "--json")
		if watched := o.json(t); watched["state"] != "done" || number(t, watched, "sent") != 1500 ||
			!strings.Contains(o.err, "paced") {
			t.Errorf("%v\n%s", watched, o.err)
		}
		w.ends(t, 0, "")
		if o := b.run(t, "broadcast", "rate", "1", "fast"); o.code != 2 {
			t.Errorf("%+v", o)
		}
	})
}

// A person changes the rate, pauses and goes on, each from another terminal.
func TestARunningBroadcastIsSteered(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b, spec := newPacedBench(t, url, 6000)
		b.prepare(t)
		w := b.start(t, 100, "broadcast", "run", spec)
		rate := func(perSecond string) {
			t.Helper()
			if o := b.run(t, "broadcast", "rate", "1", perSecond); o.code != 0 {
				t.Errorf("%+v", o)
			}
		}
		// Slower is told by a count that only a fast broadcast can pass, faster by one that
		// the slow one would not reach in time: neither asks how fast this machine is.
		rate("20")
		time.Sleep(2 * time.Second) // what was claimed at the old rate goes out
		from, began := b.sim.State().Messages, time.Now()
		time.Sleep(time.Second)
		if n, most := b.sim.State().Messages-from, int(20*time.Since(began).Seconds())+40; n > most {
			t.Errorf("%d were sent in %v at 20 a second, at most %d could be", n, time.Since(began), most)
		}
		rate("2000")
		b.sentAtLeast(t, from+800) // 40 seconds' worth of the old rate
		if o := b.run(t, "broadcast", "pause", "1"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		w.ends(t, 4, "is paused")
		sent := b.sim.State().Messages
		if sent == 6000 {
			t.Error("all were sent before the pause came: it could not be tried")
		}
		time.Sleep(300 * time.Millisecond)
		if more := b.sim.State().Messages; more != sent {
			t.Errorf("%d were sent after the pause", more-sent)
		}
		if o := b.run(t, "broadcast", "resume", "1"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		b.everyoneHasOne(t, "paced", 6000)
		if o := b.run(t, "broadcast", "cancel", "1"); o.code != 2 || !strings.Contains(o.err, "broadcast 1 is done") {
			t.Errorf("%+v", o)
		}
	})
}
