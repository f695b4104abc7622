package callback

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// opening is what an event opens: so many customer-service messages within a time.
type opening struct {
	kind     wxcast.WindowKind
	messages int
	length   time.Duration
}

// openings are the events that open a window, and messages are each that a person writes.
// Source: service/guide/product/kf/intro, read 2026-11.
var (
	message  = opening{wxcast.WindowMessage, 5, 48 * time.Hour}
	openings = map[string]opening{
		"text": message, "image": message, "voice": message, "video": message, "shortvideo": message,
		"location": message, "link": message, "file": message,
		"click":            {wxcast.WindowMenu, 3, time.Minute},
		"scancode_push":    {wxcast.WindowMenu, 3, time.Minute},
		"scancode_waitmsg": {wxcast.WindowMenu, 3, time.Minute},
		"subscribe":        {wxcast.WindowFollow, 3, time.Minute},
		"scan":             {wxcast.WindowScan, 3, time.Minute},
	}
)

// openWindows notes that people may be written to.
func (i *Intake) openWindows(ctx context.Context, a Account, events []wxcast.CallbackEvent) error {
	windows := make([]wxcast.Window, len(events))
	for n, e := range events {
		o := openings[e.Kind]
		windows[n] = wxcast.Window{OpenID: e.OpenID, Kind: o.kind, At: e.CreatedAt, Until: e.CreatedAt.Add(o.length),
			Messages: o.messages}
	}
	return i.Store.OpenWindows(ctx, a.ID, windows)
}
