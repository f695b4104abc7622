package broadcast_test

import (
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Too many refusals among the last messages pause a broadcast, with their codes, and
// mark nobody as gone.
func TestAFailedSharePausesWithItsCodes(t *testing.T) {
	each(t, 2000, 0.7, func(t *testing.T, b *bench) {
		job, err := b.run(t, t.Context(), "storm")
		if err != nil || job.State != wxcast.BroadcastPaused ||
			!strings.Contains(text.English.Say(job.Reason), "of the last 200 messages were refused (43004: ") {
			t.Fatalf("%+v %v", job, err)
		}
		if calls := b.sim.State().Calls[wechat.TemplateSendAPI].Calls; calls > 200+int64(2*b.options.Concurrency) {
			t.Errorf("it took %d calls to stop", calls)
		}
		if counts, err := b.db.FollowerCounts(t.Context(), b.account); err != nil || counts.Followers != 2000 {
			t.Errorf("%+v %v", counts, err)
		}
	})
}

// 43004 says that a person does not follow: only of whom WeChat's list says the same is
// it believed.
func TestOnlyThoseAreGoneOfWhomWeChatSaysSoTwice(t *testing.T) {
	each(t, 1000, 0.02, func(t *testing.T, b *bench) {
		for n := range 7 {
			openid, _ := b.sim.FollowerIDs(100 + n)
			b.sim.Leave(openid)
		}
		job, err := b.run(t, t.Context(), "some-left")
		if err != nil || job.State != wxcast.BroadcastDone {
			t.Fatalf("%+v %v", job, err)
		}
		tally := b.tally(t, job.ID)
		if tally.ByErrCode[43004] < 15 {
			t.Errorf("%+v", tally)
		}
		if counts, err := b.db.FollowerCounts(t.Context(), b.account); err != nil || counts.Followers != 993 {
			t.Errorf("%+v %v", counts, err)
		}
	})
}
