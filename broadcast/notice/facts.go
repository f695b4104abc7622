// Package notice is the channel of an official account's own subscription notices (订阅通知): its
// keys of a spec, its facts, and how a message is written and sent. A mini program's are those of
// broadcast/subscribe.
package notice

import (
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Name is the channel's.
const Name = "notice"

// Facts are what the engine, the store and the reports go by. WeChat's page has no table of
// errors: 43101 is what its users report, and 43108 is taken over from subscribe messages. Who
// does not follow gets it, too, so that nobody is gone. Source: api_sendnewsubscribemsg, read
// 2026-11-20.
var Facts = wxcast.Channel{
	Name:     Name,
	API:      wechat.NoticeSendAPI,
	App:      wxcast.KindOfficialAccount,
	Right:    wxcast.RightPermit,
	NoPermit: []int{43101},
	TooOften: []int{43108},
	Serial:   true,
	Receipt:  "subscribe_msg_sent_event",
}
