package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// BenchmarkClaimAndRecord leases a batch of deliveries and records them as sent, as a
// worker does for each second or so of sending.
func BenchmarkClaimAndRecord(b *testing.B) {
	const recipients, batch = 20_000, 1000
	for name, newURL := range map[string]func(testing.TB) string{"sqlite": storetest.SQLiteURL,
		"postgres": storetest.PostgresURL} {
		b.Run(name, func(b *testing.B) {
			db, err := store.Open(b.Context(), newURL(b))
			must(b, err)
			defer db.Close()
			w := newWorld(b, db)
			w.told(b, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: 1 << 40})
			w.follow(b, recipients)
			_, err = w.ImportMiniUsers(b.Context(), w.account, w.mini, miniUsers(1, recipients), wxcast.ImportMode{})
			must(b, err)
			_, _, err = w.Join(b.Context(), w.account, w.mini)
			must(b, err)
			var job wxcast.Broadcast
			jobs := 0
			begin := func() {
				jobs++
				job, _, err = w.AddBroadcast(b.Context(),
					wxcast.Broadcast{AccountID: w.account, Channels: w.channels(), MiniID: w.mini,
						Name: fmt.Sprint("b", jobs), ContentHash: "h", MessageKey: fmt.Sprint("k", jobs),
						State: wxcast.BroadcastRunning, Audience: bridged(w.mini), Rate: 1e9})
				must(b, err)
				for fixed := false; !fixed; {
					_, fixed, err = w.FixRecipients(b.Context(), job.Ref(), 10_000)
					must(b, err)
				}
			}
			begin()
			left, n := recipients, 0
			for b.Loop() {
				if left == 0 {
					b.StopTimer()
					_, err := w.MoveBroadcast(b.Context(), job.Ref(),
						wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastDone})
					must(b, err)
					begin()
					left = recipients
					b.StartTimer()
				}
				c := w.claim(b, job, "w", batch, time.Minute)
				if len(c.Fresh) == 0 {
					b.Fatalf("nothing to claim: %+v", c)
				}
				w.record(b, job, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
				left -= len(c.Fresh)
				n += len(c.Fresh)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/delivery")
		})
	}
}
