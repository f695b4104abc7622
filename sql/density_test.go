package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// However the store reads who the recipients are, it finds the same: everybody once, with
// their facts, but for those who left or asked for no more since the broadcast began.
func TestAFewAmongManyAndNearlyAllAreClaimedAlike(t *testing.T) {
	const followers = 2400
	for every, dense := range map[int]bool{1: true, 2: true, 20: false} {
		t.Run(fmt.Sprintf("every %d", every), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.follow(t, followers)
				var want []wxcast.OpenID
				_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, func(yield func(wxcast.MiniUser, error) bool) {
					for i := every; i <= followers; i += every {
						want = append(want, openid(i))
						if !yield(wxcast.MiniUser{MiniOpenID: wxcast.MiniOpenID(fmt.Sprintf("m%06d", i)),
							UnionID: unionid(i)}, nil) {
							return
						}
					}
				}, wxcast.ImportMode{})
				must(t, err)
				_, _, err = w.Join(t.Context(), w.account, w.mini)
				must(t, err)
				b, _, err := w.AddBroadcast(t.Context(),
					wxcast.Broadcast{AccountID: w.account, Channels: w.channels(), MiniID: w.mini, Name: "b",
						ContentHash: "h", MessageKey: "k", State: wxcast.BroadcastRunning, Audience: bridged(w.mini),
						Rate: 1e6})
				must(t, err)
				w.told(t, wxcast.DayOf(w.Now()), wxcast.Quota{Limit: followers})
				fix := func() (fixed bool) {
					_, fixed, err := w.FixRecipients(t.Context(), b.Ref(), 101)
					must(t, err)
					return fixed
				}
				fix()
				if got, expected := db.Dense(b.Ref()), dense && db.Engine() == store.Postgres; got != expected {
					t.Errorf("read in order: %v, want %v", got, expected)
				}
				for !fix() {
				}
				left, asked := want[len(want)-1], want[len(want)-3]
				_, err = w.Unfollow(t.Context(), w.account, []wxcast.OpenID{left}, w.Now())
				must(t, err)
				_, _, err = w.AddOptOuts(t.Context(), w.account, []string{string(asked)}, "test")
				must(t, err)
				want = slices.DeleteFunc(want, func(o wxcast.OpenID) bool { return o == left || o == asked })
				var got []wxcast.OpenID
				skipped := 0
				for {
					c := w.claim(t, b, "w", 53, time.Minute)
					if c.Exhausted {
						break
					}
					skipped += c.Skipped
					for _, d := range c.Fresh {
						got = append(got, d.OpenID)
						if string(d.UnionID[1:]) != string(d.OpenID[1:]) ||
							string(d.MiniOpenID[1:]) != string(d.OpenID[1:]) || len(d.Tags) != 1 ||
							d.SubscribeTime.Unix() != 1700000000 {
							t.Errorf("%s has the facts of another, or none: %+v", d.OpenID, d)
						}
					}
					w.record(t, b, "w", wxcast.DeliverySent, c.Fresh, c.LeaseID)
				}
				if !slices.Equal(got, want) || skipped != 2 {
					t.Errorf("%d claimed, %d left out; want %d and 2", len(got), skipped, len(want))
				}
				if tally := w.tally(t, b); tally.Sent != int64(len(want)) || tally.Skipped != 2 {
					t.Errorf("%+v", tally)
				}
			})
		})
	}
}
