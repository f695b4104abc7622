package cli_test

import (
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Four processes share a day's quota to the last message, day after day.
func TestFourProcessesUseEachDaysQuotaExactly(t *testing.T) {
	long(t)
	t.Parallel()
	const recipients, daily, keep = 5000, 2000, 200
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{
			Followers: recipients, Seed: 36, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
			Knobs: simulator.Knobs{DailyLimits: map[string]int64{wechat.TemplateSendAPI: daily}},
		})
		b.env["WXCAST_BROADCAST_QUOTA_KEEP"] = "200"
		b.env["WXCAST_SYNC_RATE"] = "5000"
		b.prepare(t)
		for day, want := range []struct {
			code  int
			state string
			sent  int64 // by the end of the day
		}{{3, "waiting", daily - keep}, {3, "waiting", 2 * (daily - keep)}, {0, "done", recipients}} {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					cmd := b.process("broadcast", "run", b.file("spec.yaml"), "--rate", "5000", "--json")
					if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != want.code {
						t.Errorf("day %d: exit code %d: %s", day, cmd.ProcessState.ExitCode(), out)
					}
				})
			}
			wg.Wait()
			status, state := b.run(t, "broadcast", "status", "1", "--json").json(t), b.sim.State()
			if status["state"] != want.state || number(t, status, "sent") != want.sent ||
				int64(state.Messages) != want.sent || state.Duplicates != 0 {
				t.Errorf("day %d: %v beside %+v", day, status, state)
			}
			b.sim.MoveClock(24 * time.Hour)
		}
		if over := b.sim.State().Calls[wechat.TemplateSendAPI].OverQuota; over != 0 {
			t.Errorf("%d calls beyond the quota", over)
		}
	})
}
