package store_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A channel that has stopped while its broadcast goes on by others is told of, until it goes on.
func TestAStoppedChannelIsToldOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		b := w.by(t, "b", consent, anyChannel)
		behind := func() []wxcast.StoppedChannel {
			t.Helper()
			all, err := w.ChannelsBehind(t.Context(), w.account)
			must(t, err)
			return all
		}
		if all := behind(); len(all) != 0 {
			t.Fatalf("of a broadcast that runs by both: %+v", all)
		}
		must(t, w.StopChannel(t.Context(), b.Ref(), consent.Name, wxcast.Move{To: wxcast.BroadcastWaiting,
			Reason: wxcast.Say("wait.quota", "api", consent.API), ResumeAt: w.Now().Add(time.Hour)}))
		all := behind()
		if len(all) != 1 || all[0].BroadcastID != b.ID || all[0].Name != consent.Name ||
			all[0].Reason.Code != "wait.quota" {
			t.Fatalf("with one that waits: %+v", all)
		}
		must(t, w.RaiseNotice(t.Context(), w.account, wxcast.Notice{Key: "channel:1:consent",
			Kind: wxcast.NoticeAlert}))
		over := func() bool {
			t.Helper()
			must(t, w.EndBroadcastAlerts(t.Context(), w.account))
			pending, err := w.PendingNotices(t.Context(), w.account, 10)
			must(t, err)
			return len(pending) == 1 && !pending[0].OverAt.IsZero()
		}
		if over() {
			t.Error("the alert is over while the channel waits")
		}
		must(t, w.WakeChannels(t.Context(), b.Ref(), true))
		if !over() || len(behind()) != 0 {
			t.Error("the alert stands though the channel goes on")
		}
	})
}
