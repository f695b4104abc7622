package broadcast_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// No message leaves in quiet hours, in Beijing.
func TestNoMessageLeavesInQuietHours(t *testing.T) {
	inTime(t, 1000, func(t *testing.T, b *bubble) {
		quiet, _ := value.ParseQuietHours("22:00-08:00")
		b.options.Quiet = []value.QuietHours{quiet}
		job := b.add(t, "evening")
		time.Sleep(14*time.Hour - 30*time.Second) // 21:59:30
		after := b.run(t, job, wxcast.BroadcastWaiting)
		evening := len(b.sent())
		if last := b.sent()[evening-1].at.In(wxcast.Beijing); last.Hour() != 21 || evening < 250 || evening > 310 {
			t.Errorf("%d left, the last at %v; want about 300 before 22:00", evening, last)
		}
		if at := after.ResumeAt.In(wxcast.Beijing); at.Format("15:04:05") != "08:00:00" {
			t.Errorf("it goes on at %v, want 08:00", at)
		}
		time.Sleep(time.Until(after.ResumeAt))
		b.run(t, after, wxcast.BroadcastDone)
		if first := b.sent()[evening].at.In(wxcast.Beijing); first.Hour() != 8 {
			t.Errorf("the first of the morning left at %v", first)
		}
	})
}

// What was claimed in time and would leave late does not leave: at a low rate a message's
// turn comes seconds after its claim.
func TestTheHourIsLookedAtBeforeEachMessage(t *testing.T) {
	quiet, _ := value.ParseQuietHours("08:00-08:01") // the next day's
	for name, test := range map[string]struct {
		prepare func(o *broadcast.Options, end time.Time)
		state   wxcast.BroadcastState
	}{
		"not_after": {func(o *broadcast.Options, end time.Time) { o.NotAfter = end }, wxcast.BroadcastPaused},
		"quiet hours": {func(o *broadcast.Options, _ time.Time) { o.Quiet = []value.QuietHours{quiet} },
			wxcast.BroadcastWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 20, func(t *testing.T, b *bubble) {
				time.Sleep(24*time.Hour - 12*time.Second)
				end := time.Now().Add(12 * time.Second)
				b.options.Rate = 0.2
				test.prepare(&b.options, end)
				b.run(t, b.add(t, "slow"), test.state)
				calls := b.sent()
				if len(calls) < 2 {
					t.Fatalf("%d messages left in 12 seconds, want 2 or 3", len(calls))
				}
				if last := calls[len(calls)-1].at; !last.Before(end) {
					t.Errorf("a message left %v after the hour: people get it when nobody may", last.Sub(end))
				}
			})
		})
	}
}
