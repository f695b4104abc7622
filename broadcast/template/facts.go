// Package template is the channel of template messages (模板消息): its keys of a spec, the
// rules of its values, its facts, and how a message is written and sent.
package template

import (
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Name is the channel's.
const Name = "template"

// Facts are what the engine, the store and the reports go by. Sources: "防重入" of
// api_sendtemplatemessage and the error codes of docs/errcodes.md, read 2026-11-20.
var Facts = wxcast.Channel{
	Name:           Name,
	API:            wechat.TemplateSendAPI,
	App:            wxcast.KindOfficialAccount,
	DedupWindow:    10 * time.Minute,
	Gone:           []int{43004},
	Duplicate:      []int{40241}, // the same message within 60 seconds
	DuplicateRest:  65 * time.Second,
	TooOften:       []int{43117},
	Receipt:        "templatesendjobfinish",
	ReceiptBlocked: []string{"failed:user block"},
}
