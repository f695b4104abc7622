package broadcast_test

import (
	"context"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestALostAnswerIsUnknownOnceItsWindowIsOver(t *testing.T) {
	for onUnknown, want := range map[spec.OnUnknown]struct{ sent, unknown int64 }{spec.SkipUnknown: {6, 4},
		spec.ResendUnknown: {10, 0}} {
		t.Run(string(onUnknown), func(t *testing.T) {
			each(t, 10, 0, func(t *testing.T, b *bench) {
				b.options.OnUnknown = onUnknown
				job, _ := b.find(t, "lost")
				for fixed := false; !fixed; {
					var err error
					if _, fixed, err = b.db.FixRecipients(t.Context(), job.Ref(), 100); err != nil {
						t.Fatal(err)
					}
				}
				lane := wxcast.Lane{AppID: b.account, API: wechat.TemplateSendAPI}
				// As if a process had died eleven minutes ago with everything in flight.
				told := func(context.Context, string) (wxcast.Quota, error) { return wxcast.Quota{Limit: 100}, nil }
				if _, err := b.db.ReadQuota(t.Context(), lane, wxcast.DayOf(b.db.Now()), told); err != nil {
					t.Fatal(err)
				}
				c, err := b.db.Claim(t.Context(),
					wxcast.ClaimRequest{Broadcast: job.Ref(), Channel: template.Facts, Lane: lane, Worker: "dead", Max: 4, Span: time.Second,
						LeaseTTL: time.Millisecond})
				if err != nil || len(c.Fresh) != 4 {
					t.Fatalf("%+v %v", c, err)
				}
				long := time.Now().Add(-11 * time.Minute)
				var lost []wxcast.Outcome
				for _, d := range c.Fresh {
					lost = append(lost, wxcast.Outcome{Recipient: d.Recipient, State: wxcast.DeliveryPending,
						ErrCode: wxcast.ErrCodeTransport, AttemptedAt: long, OpenSince: long, NextAttemptAt: long})
				}
				if _, err := b.db.RecordOutcomes(t.Context(),
					wxcast.Recording{Broadcast: job.Ref(), Worker: "dead", Lane: lane, Outcomes: lost,
						DoneLeases: []int64{c.LeaseID}}); err != nil {
					t.Fatal(err)
				}
				after, err := b.run(t, t.Context(), "lost")
				if err != nil || after.State != wxcast.BroadcastDone {
					t.Fatalf("%+v %v", after, err)
				}
				if tally := b.tally(t, job.ID); tally.Unknown != want.unknown || tally.Sent != want.sent ||
					int64(b.sim.State().Messages) != want.sent {
					t.Errorf("%+v, %d messages", tally, b.sim.State().Messages)
				}
			})
		})
	}
}
