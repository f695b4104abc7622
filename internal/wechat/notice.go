package wechat

import (
	"context"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// NoticeSendAPI is the path of the official account's own subscription notices (订阅通知), as
// quota/get names it. It takes the official account's token: a mini program's gets 45103.
const NoticeSendAPI = "/cgi-bin/message/subscribe/bizsend"

// NoticeMessage is one subscription notice to one person, who need not follow.
type NoticeMessage struct {
	ToUser     wxcast.OpenID
	TemplateID string
	Page       string            // a URL, opened where a mini program cannot be; "" for none
	MiniAppID  wxcast.AppID      // "" for none
	PagePath   string            // of the mini program, without a leading slash
	Data       map[string]string // key, such as "thing1", to value
}

// encode is the message as WeChat wants it: see SubscribeMessage. WeChat's page does not list
// miniprogram; its SDKs send it.
func (m NoticeMessage) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendText(append(b, `{"touser":`...), string(m.ToUser))
	b = appendText(append(b, `,"template_id":`...), m.TemplateID)
	if m.Page != "" {
		b = appendText(append(b, `,"page":`...), m.Page)
	}
	return append(appendData(appendMiniProgram(b, m.MiniAppID, m.PagePath), m.Data), '}')
}

// SendNotice sends one notice, and uses up one of the person's consents to the template. The
// msgid is 0 where WeChat tells none. What SendSubscribe says of repeats is true here, too.
func (c *Client) SendNotice(ctx context.Context, m NoticeMessage) (msgID int64, err error) {
	out, err := call[sendReply](ctx, c, NoticeSendAPI, nil, m.encode())
	return out.MsgID, err
}
