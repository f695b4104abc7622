package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A canary that was sent is not waited for when a person has seen enough.
func TestACanaryIsReleased(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		a, sim := open(t, url)
		ctx := account.As(t.Context(), "tester", "192.0.2.7")
		if _, err := a.Sync(ctx, wxcast.SyncIncremental, false, nil); err != nil {
			t.Fatal(err)
		}
		var csv strings.Builder
		if err := sim.WriteMiniUsers(&csv); err != nil {
			t.Fatal(err)
		}
		if _, err := a.ImportFile(ctx, strings.NewReader(csv.String()), columns,
			account.ImportOptions{Source: "mini.csv"}); err != nil {
			t.Fatal(err)
		}
		id, err := a.NewDraft(ctx, draftOf(sim, "careful")+"canary: {share: 30%, wait: 1h}\n")
		if err != nil {
			t.Fatal(err)
		}
		b, err := a.SubmitDraft(ctx, id, 1, account.Asker{Say: func(wxcast.Sentence) {}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.ReleaseCanary(ctx, b.ID); err == nil {
			t.Error("the canary of a draft is released")
		}
		if _, err := a.StartBroadcast(ctx, b.ID); err != nil {
			t.Fatal(err)
		}
		working, stop := context.WithCancel(ctx)
		defer stop()
		go a.KeepBroadcasts(working)
		until := func(what string, ok func(wxcast.Broadcast) bool) {
			t.Helper()
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				now, err := a.BroadcastAsStored(ctx, b.ID)
				if err != nil {
					t.Fatal(err)
				}
				if ok(now) {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("not within 20 seconds: %s: %+v", what, now)
				}
			}
		}
		until("the canary waits", func(b wxcast.Broadcast) bool { return b.Canary == wxcast.CanaryWaiting })
		if n, err := a.Broadcast(ctx, b.ID); err != nil || n.Sent == 0 || n.Pending == 0 {
			t.Errorf("%+v %v", n, err)
		}
		if _, err := a.ReleaseCanary(ctx, b.ID); err != nil {
			t.Fatal(err)
		}
		until("all are sent", func(b wxcast.Broadcast) bool { return b.State == wxcast.BroadcastDone })
	})
}
