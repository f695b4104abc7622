package broadcast_test

import (
	"context"
	"sync"
	"testing"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// toy is a channel that nothing outside of this file knows: pigeons. They take a repeat for a
// new message, and 404 means that the person has moved.
type toy struct {
	mu   sync.Mutex
	sent map[wxcast.OpenID]int
	lose wxcast.OpenID // the pigeon to this person does not come back
	gone wxcast.OpenID
}

func (*toy) Facts() wxcast.Channel {
	return wxcast.Channel{Name: "pigeon", API: "/cgi-bin/message/template/subscribe", App: wxcast.KindOfficialAccount,
		Gone: []int{404}}
}

func (*toy) Profile() bool { return false }

func (c *toy) Send(_ context.Context, d *wxcast.Delivery) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[d.OpenID]++
	switch d.OpenID {
	case c.lose:
		return 0, &wechat.Error{Err: context.DeadlineExceeded, MaybeDone: true}
	case c.gone:
		return 0, &wechat.Error{ErrCode: 404, ErrMsg: "moved"}
	}
	return int64(len(c.sent)), nil
}

// A channel is a value with facts: the engine and the store send by one that they have never
// heard of, with its own quota and its own meaning of a lost answer.
func TestAToyChannelSendsThroughTheRealEngine(t *testing.T) {
	each(t, 50, 0, func(t *testing.T, b *bench) {
		lost, _ := b.sim.FollowerIDs(3)
		gone, _ := b.sim.FollowerIDs(4)
		c := &toy{sent: map[wxcast.OpenID]int{}, lose: wxcast.OpenID(lost), gone: wxcast.OpenID(gone)}
		b.options.OnUnknown = spec.ResendUnknown // but never by such a channel
		job, by := b.findFor(t, "pigeons", b.channelsOf(c.Facts()))
		after, err := broadcast.Run(t.Context(), b.db, job, []broadcast.With{{Channel: c, Platform: by[0].Platform}},
			b.options)
		if err != nil || after.State != wxcast.BroadcastDone {
			t.Fatalf("%+v %v", after, err)
		}
		tally := b.tally(t, job.ID)
		if tally.Sent != 48 || tally.Unknown != 1 || tally.Failed != 1 {
			t.Errorf("%+v, want 48 sent, the lost one unknown, the gone one failed", tally)
		}
		for openid, n := range c.sent {
			if n != 1 {
				t.Errorf("%s got %d pigeons: a lost one is never sent again by itself", openid, n)
			}
		}
		if calls := b.sim.CallsTo(wechat.TemplateSendAPI); calls != 0 {
			t.Errorf("%d template messages were sent", calls)
		}
	})
}
