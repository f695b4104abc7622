package broadcast_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Recipients get their rows a little ahead of their messages, which leaves the store to others; but
// at once where few of them get a message, so that none of those waits.
func TestRecipientsGetTheirRowsAheadOfTheirMessages(t *testing.T) {
	const followers = 6000
	for name, test := range map[string]struct {
		optedOut    int
		least, most int64 // who have their rows after 1.5 seconds
	}{
		"all get a message": {0, 3000, 3000},
		"few do":            {followers - 100, followers, followers},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, followers, func(t *testing.T, b *bubble) {
				b.options.Rate = 100
				out := make([]string, test.optedOut)
				for i := range out {
					out[i] = fmt.Sprintf("o%06d", i)
				}
				if _, _, err := b.AddOptOuts(t.Context(), b.account, out, "test"); err != nil {
					t.Fatal(err)
				}
				job := b.add(t, name)
				time.AfterFunc(1500*time.Millisecond, func() {
					tally, err := b.Tally(context.WithoutCancel(t.Context()), job.Ref())
					if n := tally.Recipients; err != nil || n < test.least || n > test.most {
						t.Errorf("%d have their rows after 1.5 s (%v), want %d to %d", n, err, test.least, test.most)
					}
				})
				b.run(t, job, wxcast.BroadcastDone)
				if tally := b.count(t, job); tally.Sent != followers-int64(test.optedOut) {
					t.Errorf("%+v, want all others sent", tally)
				}
			})
		})
	}
}
