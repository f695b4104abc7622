package callback

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// The events that tell what people allow: when they are asked, and when they change their
// settings. Source: open-ability/subscribe-message, read 2026-11.
const (
	popupEvent  = "subscribe_msg_popup_event"
	changeEvent = "subscribe_msg_change_event"
)

// consent records what people allow.
func (i *Intake) consent(ctx context.Context, a Account, events []wxcast.CallbackEvent) error {
	byApp := map[int64][]wxcast.PermitReport{}
	for _, e := range events {
		var items []wechat.SubscribeItem
		if err := json.Unmarshal([]byte(e.Detail), &items); err != nil && e.Detail != "" {
			return fmt.Errorf("read the entries of an event: %w", err)
		}
		app := e.AppID
		if app == 0 {
			app = a.ID
		}
		for _, item := range items {
			accepted := strings.HasPrefix(item.Status, "accept")
			if !accepted && item.Status != "reject" {
				continue // banned, or filtered: the person has answered nothing
			}
			byApp[app] = append(byApp[app], wxcast.PermitReport{Recipient: wxcast.Recipient(e.OpenID),
				TemplateID: item.TemplateID, Accepted: accepted, Source: wxcast.PermitByEvent, At: e.CreatedAt,
				Kind: wxcast.PermitOnce})
		}
	}
	for app, reports := range byApp {
		if _, err := i.Store.RecordPermits(ctx, a.ID, app, reports); err != nil {
			return err
		}
	}
	return nil
}
