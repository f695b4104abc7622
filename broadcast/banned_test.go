package broadcast_test

import (
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// A call that WeChat refuses, since the template is banned, counts as any other: what is left of the
// day's quota is not called for again.
func TestARefusedCallIsCounted(t *testing.T) {
	inTime(t, 30, func(t *testing.T, b *bubble) {
		b.limit = 20
		banned := true
		b.fails(func(call) error {
			if banned {
				return refused(43116)
			}
			return nil
		})
		job := b.add(t, "banned")
		job = b.run(t, job, wxcast.BroadcastPaused)
		asked := len(b.sent())
		if asked == 0 {
			t.Fatal("WeChat refused nothing")
		}
		banned = false
		b.run(t, job, wxcast.BroadcastWaiting)
		if calls := len(b.sent()); int64(calls) != b.limit {
			t.Errorf("%d calls, %d of them refused, want the day's %d", calls, asked, b.limit)
		}
	})
}
