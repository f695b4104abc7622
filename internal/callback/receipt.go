package callback

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// receiptOf finds the channel of whose messages an event tells.
func (a Account) receiptOf(e wxcast.CallbackEvent) (c wxcast.Channel, ok bool) {
	app := wxcast.KindOfficialAccount
	if e.AppID != 0 {
		app = wxcast.KindMiniProgram
	}
	i := slices.IndexFunc(a.Channels, func(c wxcast.Channel) bool { return c.Receipt == e.Kind && c.App == app })
	if i < 0 {
		return c, false
	}
	return a.Channels[i], true
}

func (a Account) isReceipt(e wxcast.CallbackEvent) bool {
	_, ok := a.receiptOf(e)
	return ok
}

// receive records receipts, those of each channel and app together.
func (i *Intake) receive(ctx context.Context, a Account, events []wxcast.CallbackEvent) error {
	type of struct {
		channel string
		lane    wxcast.Lane
	}
	all, facts := map[of][]wxcast.Receipt{}, map[string]wxcast.Channel{}
	for _, e := range events {
		channel, ok := a.receiptOf(e)
		if !ok {
			continue
		}
		app := e.AppID
		if app == 0 {
			app = a.ID
		}
		receipts, err := receiptsIn(e, channel)
		if err != nil {
			return err
		}
		key := of{channel.Name, wxcast.Lane{AppID: app, API: channel.API}}
		all[key], facts[channel.Name] = append(all[key], receipts...), channel
	}
	for key, receipts := range all {
		if err := i.Store.RecordReceipts(ctx, a.ID, facts[key.channel], key.lane, receipts); err != nil {
			return err
		}
	}
	return nil
}

// receiptsIn are what an event tells of messages: one, or a list of them.
func receiptsIn(e wxcast.CallbackEvent, channel wxcast.Channel) (receipts []wxcast.Receipt, err error) {
	one := wxcast.Receipt{OpenID: e.OpenID, MsgID: e.MsgID, Status: e.Status, At: e.CreatedAt}
	if e.Detail == "" {
		one.Blocked = slices.Contains(channel.ReceiptBlocked, e.Status)
		return []wxcast.Receipt{one}, nil
	}
	var items []wechat.SubscribeItem
	if err := json.Unmarshal([]byte(e.Detail), &items); err != nil {
		return nil, fmt.Errorf("read the entries of an event: %w", err)
	}
	for _, item := range items {
		if one.MsgID, one.Status = item.MsgID, "success"; item.ErrorCode != 0 {
			one.Status = fmt.Sprintf("failed:%d %s", item.ErrorCode, item.Status)
		}
		receipts = append(receipts, one)
	}
	return receipts, nil
}
