package wechat

import (
	"context"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// CustomSendAPI is the path of customer-service messages (客服消息), as quota/get names it. It
// takes the official account's token.
const CustomSendAPI = "/cgi-bin/message/custom/send"

// Card is a customer-service message that opens a page of the mini program.
type Card struct {
	ToUser       wxcast.OpenID
	Title        string
	MiniAppID    wxcast.AppID // must be linked to the official account
	PagePath     string       // of the mini program, without a leading slash
	ThumbMediaID string       // of its picture: see UploadImage
}

func (m Card) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendText(append(b, `{"touser":`...), string(m.ToUser))
	b = appendText(append(b, `,"msgtype":"miniprogrampage","miniprogrampage":{"title":`...), m.Title)
	b = appendText(append(b, `,"appid":`...), string(m.MiniAppID))
	b = appendText(append(b, `,"pagepath":`...), m.PagePath)
	b = appendText(append(b, `,"thumb_media_id":`...), m.ThumbMediaID)
	return append(b, "}}"...)
}

// SendCard sends one card. WeChat takes it only while the person's window is open: for 48 hours
// after they wrote to the account, for a minute after a tap in its menu, a scan or a follow.
// The answer has no msgid, no event follows, and WeChat takes no id of ours: a card whose
// answer was lost stays unknown.
func (c *Client) SendCard(ctx context.Context, m Card) error {
	_, err := call[status](ctx, c, CustomSendAPI, nil, m.encode())
	return err
}

// CustomText is a customer-service message of text. Its content may hold links, also into the
// mini program: <a href="…" data-miniprogram-appid="…" data-miniprogram-path="…">…</a>.
type CustomText struct {
	ToUser  wxcast.OpenID
	Content string
}

func (m CustomText) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendText(append(b, `{"touser":`...), string(m.ToUser))
	b = appendText(append(b, `,"msgtype":"text","text":{"content":`...), m.Content)
	return append(b, "}}"...)
}

// SendCustomText sends one text, on the terms of SendCard.
func (c *Client) SendCustomText(ctx context.Context, m CustomText) error {
	_, err := call[status](ctx, c, CustomSendAPI, nil, m.encode())
	return err
}
