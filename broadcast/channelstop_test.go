package broadcast_test

import (
	"context"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// pigeon is a channel to a few; whom it does not reach the next one may.
var pigeon = wxcast.Channel{Name: "pigeon", API: "/cgi-bin/message/template/subscribe",
	App: wxcast.KindOfficialAccount, Gone: []int{404}, DedupWindow: 10 * time.Minute}

// scripted is a channel of which a test says what becomes of each message, and when.
type scripted struct {
	*bubble
	facts wxcast.Channel
	send  func(n int) (after time.Duration, err error) // n: the message's number, from 0
	n     int
}

func (s *scripted) Facts() wxcast.Channel { return s.facts }

func (s *scripted) Send(ctx context.Context, _ *wxcast.Delivery) (int64, error) {
	s.mu.Lock()
	n := s.n
	s.n++
	s.mu.Unlock()
	after, err := s.send(n)
	select {
	case <-time.After(after):
		return int64(n + 1), err
	case <-ctx.Done():
		return 0, &wechat.Error{Err: ctx.Err(), MaybeDone: true}
	}
}

// A broadcast of which all that is left waits for a channel that has stopped stops with it, also
// where the other channel has had nothing to do for long, and whoever is asked last is not the one
// that stopped.
func TestABroadcastStopsWithItsLastChannel(t *testing.T) {
	quick := func(code func(n int) error) func(int) (time.Duration, error) {
		return func(n int) (time.Duration, error) { return latency, code(n) }
	}
	slowlyBanned := func(int) (time.Duration, error) { return 40 * time.Second, refused(43116) }
	for name, test := range map[string]struct {
		first, next func(n int) (time.Duration, error)
		sent        int64
	}{
		"the next, when the first is done": {quick(func(n int) error {
			if n%2 == 1 {
				return refused(404)
			}
			return nil
		}), slowlyBanned, 10},
		"the first, when the next is done": {func(n int) (time.Duration, error) {
			if n < 4 {
				return latency, refused(404)
			}
			return slowlyBanned(n)
		}, quick(func(int) error { return nil }), 4},
		"both": {func(n int) (time.Duration, error) {
			if n < 4 {
				return latency, refused(404)
			}
			return slowlyBanned(n)
		}, slowlyBanned, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 20, func(t *testing.T, b *bubble) {
				job, _, err := b.AddBroadcast(t.Context(), wxcast.Broadcast{
					AccountID: b.account, MiniID: b.mini, Name: name, ContentHash: name, MessageKey: name,
					Channels: []wxcast.BroadcastChannel{
						{Name: pigeon.Name, Lane: wxcast.Lane{AppID: b.account, API: pigeon.API}, TemplateID: "TPL_ID"},
						{Name: template.Name, Lane: b.lane(), TemplateID: "TPL_ID"},
					},
					State: wxcast.BroadcastRunning, Rate: b.options.Rate,
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				by := []broadcast.With{
					{Channel: &scripted{bubble: b, facts: pigeon, send: test.first}, Platform: b},
					{Channel: &scripted{bubble: b, facts: template.Facts, send: test.next}, Platform: b},
				}
				begun := time.Now()
				after, err := broadcast.Run(ctx, b.DB, job, by, b.options)
				took := time.Since(begun)
				if err != nil || after.State != wxcast.BroadcastPaused || took > 2*time.Minute {
					t.Errorf("after %v the broadcast is %s (%v, %v), want it paused when its channel was", took,
						after.State, after.Reason, err)
				}
				if tally := b.count(t, job); tally.Sent != test.sent || tally.Pending != 20-test.sent {
					t.Errorf("%+v, want %d sent and the others pending", tally, test.sent)
				}
			})
		})
	}
}
