package broadcast_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// When this machine's address changes in the middle of a broadcast, it waits, says which
// address it is, asks each minute without sending, and goes on by itself when it is mended.
func TestAnAddressOffTheWhitelistIsWaitedFor(t *testing.T) {
	inTime(t, 100, func(t *testing.T, b *bubble) {
		job := b.add(t, "moved")
		time.AfterFunc(3*time.Second, func() { b.whitelist("203.0.113.7") })
		job = b.run(t, job, wxcast.BroadcastWaiting)
		reason := text.English.Say(job.Reason)
		if !broadcast.WaitsForIP(job) || !strings.Contains(reason, "203.0.113.7") || job.ResumeAt.IsZero() {
			t.Fatalf("it waits for %q until %v, want the address and a time", reason, job.ResumeAt)
		}
		taken, called := len(b.took), len(b.sent())
		for range 3 {
			time.Sleep(time.Until(job.ResumeAt))
			job = b.run(t, job, wxcast.BroadcastWaiting)
		}
		if n := len(b.sent()); n != called {
			t.Errorf("%d messages were tried from an address that WeChat refuses", n-called)
		}
		b.whitelist("")
		time.Sleep(time.Until(job.ResumeAt))
		b.run(t, job, wxcast.BroadcastDone)
		if tally := b.count(t, job); tally.Sent != 100 || len(b.sent()) != called+100-taken {
			t.Errorf("%+v with %d calls, want each of 100 sent once", tally, len(b.sent()))
		}
	})
}
