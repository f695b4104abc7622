package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestAScheduledBroadcastBeginsAtItsTime(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 200, Seed: 38, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		if o := b.run(t, "broadcast", "create", b.file("spec.yaml"), "--at", "2020-01-01 10:00"); o.code != 2 || !strings.Contains(o.err, "--at: 2020-01-01 10:00 is over; name a time to come, in Beijing") {
			t.Errorf("%+v", o)
		}
		at := time.Now().Add(10 * time.Second).In(wxcast.Beijing)
		created := b.run(t, "broadcast", "create", b.file("spec.yaml"), "--at", at.Format(time.DateTime), "--json").json(t)
		if created["state"] != "scheduled" || number(t, created, "recipients") != 0 {
			t.Errorf("%v", created)
		}
		started := b.run(t, "broadcast", "start", "1", "--json").json(t)
		if started["state"] != "done" || number(t, started, "sent") != 200 {
			t.Errorf("%v", started)
		}
		for m := range b.sim.Messages() {
			if m.At.Before(at.Truncate(time.Second)) {
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
		if watched := o.json(t); watched["state"] != "done" || number(t, watched, "sent") != 1500 || !strings.Contains(o.err, "paced") {
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
		b, spec := newPacedBench(t, url, 3000)
		b.prepare(t)
		w := b.start(t, 100, "broadcast", "run", spec)
		if o := b.run(t, "broadcast", "rate", "1", "2000"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		time.Sleep(time.Second)
		if o := b.run(t, "broadcast", "pause", "1"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		w.ends(t, 4, "is paused")
		sent := b.sim.State().Messages
		if sent < 700 || sent == 3000 {
			t.Errorf("%d were sent in a second at 2,000 a second", sent)
		}
		time.Sleep(300 * time.Millisecond)
		if more := b.sim.State().Messages; more != sent {
			t.Errorf("%d were sent after the pause", more-sent)
		}
		if o := b.run(t, "broadcast", "resume", "1"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		b.everyoneHasOne(t, "paced", 3000)
		if o := b.run(t, "broadcast", "cancel", "1"); o.code != 2 || !strings.Contains(o.err, "broadcast 1 is done") {
			t.Errorf("%+v", o)
		}
	})
}
