// Package service is the channel of customer-service messages (客服消息) of official accounts: a
// card that opens the mini program, or a text. It has its keys of a spec, its facts, and how a
// message is written and sent.
package service

import (
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Name is the channel's.
const Name = "service"

// Facts are what the engine, the store and the reports go by. WeChat takes no id of ours, returns
// none and tells nothing later. Sources: api_sendcustommessage and kf/intro, read 2026-11-20;
// docs/errcodes.md.
var Facts = wxcast.Channel{
	Name:       Name,
	API:        wechat.CustomSendAPI,
	App:        wxcast.KindOfficialAccount,
	Right:      wxcast.RightWindow,
	WindowOver: []int{45015, 45047}, // too late; too many in this time
	Gone:       []int{43004},
	Serial:     true, // the windows' counts are kept for each person
}
