package broadcast_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// runTwo runs two broadcasts at a time, the second one when begin returns.
func (b *bench) runTwo(t *testing.T, first, second string, priority int, begin func()) (one, other wxcast.Broadcast) {
	t.Helper()
	var jobs [2]wxcast.Broadcast
	var by [2][]broadcast.With
	for i, name := range []string{first, second} {
		jobs[i], by[i] = b.find(t, name)
	}
	var wg sync.WaitGroup
	for i := range jobs {
		o := b.options
		if i == 1 {
			o.Priority = priority
			begin()
		}
		wg.Go(func() {
			after, err := broadcast.Run(t.Context(), b.db, jobs[i], by[i], o)
			if err != nil || after.State != wxcast.BroadcastDone {
				t.Errorf("%+v %v", after, err)
			}
			jobs[i] = after
		})
	}
	wg.Wait()
	return jobs[0], jobs[1]
}

func TestAnUrgentBroadcastOvertakesABigOne(t *testing.T) {
	each(t, 400, 0, func(t *testing.T, b *bench) {
		// So slow that the pace is what both wait for, on a busy machine, too: where
		// something else is, whoever is ready sends.
		b.options.Rate = 150
		big, urgent := b.runTwo(t, "big", "urgent", 10, func() { b.called(t, 80) })
		// The big one was begun first: half of the urgent one is out before half of what
		// was then left of the big one.
		var times, left []time.Time
		for m := range b.sim.Messages() {
			if strings.HasPrefix(m.ClientMsgID, urgent.MessageKey) {
				times = append(times, m.At)
			} else if len(times) > 0 {
				left = append(left, m.At)
			}
		}
		if len(left) == 0 || !times[len(times)/2].Before(left[len(left)/2]) {
			t.Errorf("it did not go first: of %d others that were left", len(left))
		}
		b.agreeTogether(t, big, urgent)
	})
}

func TestAPersonGetsTheOlderMessageFirst(t *testing.T) {
	each(t, 1500, 0, func(t *testing.T, b *bench) {
		b.options.Rate = 500 // few are busy between two flushes: the pace is not halved
		// Of the first broadcast everybody was tried, and some are to be tried again.
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.Busy = 0.01 })
		older, newer := b.runTwo(t, "older", "newer", 0, func() { b.called(t, 1500) })
		b.agreeTogether(t, older, newer)
		seen := map[string]bool{}
		for m := range b.sim.Messages() {
			isOlder := strings.HasPrefix(m.ClientMsgID, older.MessageKey)
			if isOlder {
				seen[m.OpenID] = true
			} else if !seen[m.OpenID] {
				t.Errorf("%s got the newer message first", m.OpenID)
			}
		}
	})
}

// called waits for so many calls to send.
func (b *bench) called(t *testing.T, n int64) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); b.sim.CallsTo(wechat.TemplateSendAPI) < n; {
		if time.Now().After(deadline) {
			t.Errorf("%d calls, want %d", b.sim.CallsTo(wechat.TemplateSendAPI), n)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// agreeTogether holds two broadcasts' deliveries against the simulator's messages.
func (b *bench) agreeTogether(t *testing.T, jobs ...wxcast.Broadcast) {
	t.Helper()
	var sent int64
	for _, job := range jobs {
		tally := b.tally(t, job.ID)
		if tally.Sent != tally.Recipients {
			t.Errorf("%s: %+v", job.Name, tally)
		}
		sent += tally.Sent
	}
	seen := map[string]bool{}
	for m := range b.sim.Messages() {
		key, _, _ := strings.Cut(m.ClientMsgID, "-")
		if seen[key+m.OpenID] {
			t.Errorf("%s got one twice", m.OpenID)
		}
		seen[key+m.OpenID] = true
	}
	if int64(len(seen)) != sent {
		t.Errorf("%d sent, %d messages", sent, len(seen))
	}
}
