package account

import (
	"context"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/visit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// tracked sends a broadcast's messages with marks in the pages that they open.
type tracked struct {
	broadcast.Channel
	key       []byte
	broadcast int64
}

// Send marks the page and makes the call.
func (t tracked) Send(ctx context.Context, d *wxcast.Delivery) (msgID int64, err error) {
	marked := *d
	marked.Mark = visit.Mark(t.key, visit.Of{Broadcast: t.broadcast, Message: d.Message}, string(d.Recipient))
	return t.Channel.Send(ctx, &marked)
}

// track marks the pages of a broadcast's messages, where its spec says so.
func (a *Account) track(ctx context.Context, c checkedSpec, b wxcast.Broadcast, by []broadcast.With) error {
	if !c.Track || b.ID == 0 { // a test to a few phones is none
		return nil
	}
	key, err := a.db.VisitKey(ctx, a.ID)
	if err != nil {
		return err
	}
	for i := range by {
		by[i].Channel = tracked{by[i].Channel, key, b.ID}
	}
	return nil
}
