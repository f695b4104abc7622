// Package subscribe is the channel of subscribe messages (订阅消息) of mini programs: its keys of
// a spec, its facts, and how a message is written and sent.
package subscribe

import (
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Name is the channel's.
const Name = "subscribe"

// Facts are what the engine, the store and the reports go by. WeChat takes no id of ours: a
// repeat is another message, and takes another consent. Sources: api_sendmessage, and reports
// of its users about 43108, read 2026-11-20; docs/errcodes.md.
var Facts = wxcast.Channel{
	Name:     Name,
	API:      wechat.SubscribeSendAPI,
	App:      wxcast.KindMiniProgram,
	Right:    wxcast.RightPermit,
	NoPermit: []int{43101},
	TooOften: []int{43108}, // two calls for one person at once
	Serial:   true,
	Receipt:  "subscribe_msg_sent_event",
}
