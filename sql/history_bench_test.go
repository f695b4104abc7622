package store_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// people are the account's in BenchmarkAfterManyBroadcasts, and batch how many each claim is for.
const people, batch = 20_000, 500

var kept = flag.Int("kept", 0, "millions of deliveries of two months ago to keep (30: six minutes on Postgres)")

// past is what an account has had.
type past struct {
	name             string
	broadcasts, each int
	ago              time.Duration
}

// BenchmarkAfterManyBroadcasts claims and records messages with a frequency cap, and records
// receipts, in an account that has had no broadcast, in one that has had 20,000 small ones
// in a week, and with -kept in one that keeps many millions of deliveries of months ago: that must
// cost the same.
func BenchmarkAfterManyBroadcasts(b *testing.B) {
	for name, newURL := range map[string]func(testing.TB) string{"sqlite": storetest.SQLiteURL,
		"postgres": storetest.PostgresURL} {
		before := []past{{name: "0"}, {"20000", 20_000, 5, 3 * 24 * time.Hour}}
		if *kept > 0 {
			before[1] = past{fmt.Sprintf("%dM", *kept), *kept * 1_000_000 / people, people, 60 * 24 * time.Hour}
		}
		for _, past := range before {
			b.Run(fmt.Sprintf("%s/past=%s", name, past.name), func(b *testing.B) { afterPast(b, newURL(b), past) })
		}
	}
}

func afterPast(b *testing.B, url string, past past) {
	db, err := store.Open(b.Context(), url)
	must(b, err)
	defer db.Close()
	w := newWorld(b, db)
	w.told(b, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1 << 40})
	w.follow(b, people)
	w.AddHistory(b, w.account, w.mini, past.broadcasts, past.each, past.ago)
	jobs := 0
	var job wxcast.Broadcast
	claim := func(b *testing.B, cap wxcast.FrequencyCap) wxcast.Claim {
		for {
			if jobs > 0 {
				c, err := w.Claim(b.Context(), wxcast.ClaimRequest{Broadcast: job.Ref(),
					Channel: anyChannel, Lane: w.lane(), Worker: "w", Max: batch, Span: time.Second,
					LeaseTTL: time.Minute, Cap: cap})
				must(b, err)
				if len(c.Fresh) > 0 {
					return c
				}
				b.StopTimer()
				_, err = w.MoveBroadcast(b.Context(), job.Ref(),
					wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastDone})
				must(b, err)
			}
			jobs++
			job = w.add(b, fmt.Sprint("b", jobs), wxcast.Audience{})
			for fixed := false; !fixed; {
				var err error
				_, fixed, err = w.FixRecipients(b.Context(), job.Ref(), people+1)
				must(b, err)
			}
			b.StartTimer()
		}
	}
	for _, cap := range []wxcast.FrequencyCap{{}, {Week: 1000}} {
		b.Run(fmt.Sprintf("sending/cap=%d", cap.Week), func(b *testing.B) {
			n := 0
			for b.Loop() {
				c := claim(b, cap)
				w.record(b, job, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
				n += len(c.Fresh)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/message")
		})
	}
	b.Run("receipts", func(b *testing.B) {
		n := 0
		for b.Loop() {
			b.StopTimer()
			c := claim(b, wxcast.FrequencyCap{})
			var sent []wxcast.Outcome
			var receipts []wxcast.Receipt
			for i, d := range c.Fresh {
				msgID := int64(1<<53 + jobs*people + i)
				sent = append(sent, wxcast.Outcome{Recipient: d.Recipient, State: wxcast.DeliverySent,
					MsgID: msgID, AttemptedAt: w.Now()})
				receipts = append(receipts, wxcast.Receipt{OpenID: d.OpenID, MsgID: msgID, Status: "success",
					At: w.Now()})
			}
			must(b, w.recordAll(b.Context(), wxcast.Recording{Channel: anyChannel, Broadcast: job.Ref(),
				Worker: "w", Lane: w.lane(), Outcomes: sent, DoneLeases: []int64{c.LeaseID}}))
			b.StartTimer()
			must(b, w.RecordReceipts(b.Context(), w.account, anyChannel, w.lane(), receipts))
			n += len(receipts)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/receipt")
	})
}
