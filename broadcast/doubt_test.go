package broadcast_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// What is in doubt when a person stops a broadcast is seen through: one that WeChat answers
// again about is sent, one of which no answer comes is unknown when its window is over, and
// nobody else hears anything.
func TestWhatIsInDoubtIsSeenThroughAfterAStop(t *testing.T) {
	for _, stop := range []wxcast.BroadcastState{wxcast.BroadcastPaused, wxcast.BroadcastCancelled} {
		t.Run(string(stop), func(t *testing.T) {
			inTime(t, 60, func(t *testing.T, b *bubble) {
				job := b.add(t, "stopped")
				begun := time.Now()
				b.fails(func(c call) error {
					switch {
					case c.to == "o000003", c.to == "o000005" && time.Since(begun) < time.Minute:
						return lost()
					case c.to == "o000007":
						return refused(-1) // to be tried again, and in no doubt
					}
					return nil
				})
				time.AfterFunc(2*time.Second, func() {
					if _, err := b.MoveBroadcast(t.Context(), job.Ref(),
						wxcast.Move{From: wxcast.BroadcastRunning, To: stop}); err != nil {
						t.Error(err)
					}
				})
				stopped := b.run(t, job, stop)
				called := len(b.sent())
				before := map[wxcast.Recipient]bool{}
				for _, c := range b.sent() {
					before[c.to] = true
				}
				if !stopped.FinishedAt.IsZero() {
					t.Error("it is finished, with answers in doubt")
				}
				after, err := broadcast.SeeThrough(t.Context(), b.DB, stopped,
					[]broadcast.With{{Channel: b, Platform: b}}, b.options)
				if err != nil || after.State != stop {
					t.Fatalf("it is %s (%v), want %s", after.State, err, stop)
				}
				for _, c := range b.sent()[called:] {
					if c.to != "o000003" && c.to != "o000005" {
						t.Errorf("%s was sent to, which was in no doubt, after the broadcast was %s", c.to, stop)
					}
				}
				if took := time.Since(begun); took > template.Facts.DedupWindow {
					t.Errorf("it took %v: a repeat may be another message by then", took)
				}
				tally := b.count(t, job)
				if tally.Unknown != 1 || tally.Sent != int64(len(before))-2 {
					t.Errorf("%+v, want one unknown and %d sent", tally, len(before)-2)
				}
				over, err := b.Broadcast(t.Context(), job.Ref())
				if err != nil || over.FinishedAt.IsZero() != (stop == wxcast.BroadcastPaused) {
					t.Errorf("finished at %v (%v)", over.FinishedAt, err)
				}
				if stop == wxcast.BroadcastCancelled {
					return
				}
				b.fails(nil)
				b.run(t, over, wxcast.BroadcastDone)
				if tally := b.count(t, job); tally.Unknown != 1 || tally.Sent != 59 || len(b.took) != 59 {
					t.Errorf("%+v in the end, and WeChat took %d: want one unknown, 59 sent", tally, len(b.took))
				}
			})
		})
	}
}
