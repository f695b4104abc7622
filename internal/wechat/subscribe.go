package wechat

import (
	"context"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// API paths of subscribe messages, as quota/get names them. They take the mini program's token.
const (
	SubscribeSendAPI     = "/cgi-bin/message/subscribe/send"
	subscribeTemplateAPI = "/wxaapi/newtmpl/gettemplate"
)

// SubscribeTemplate is one of a mini program's templates of subscribe messages.
type SubscribeTemplate struct {
	Template
	Kind wxcast.PermitKind // what a consent to it allows
	// Enums are the values that keys may have which have no others, by key.
	Enums map[string][]string
}

type subscribeTemplatesReply struct {
	status
	Data []struct {
		ID      string `json:"priTmplId"`
		Title   string `json:"title"`
		Content string `json:"content"`
		Type    int    `json:"type"`
		Enums   []struct {
			Key    string   `json:"keywordCode"` // such as "enum1.DATA"
			Values []string `json:"enumValueList"`
		} `json:"keywordEnumValueList"`
	} `json:"data"`
}

// longTerm is the type of a template to which a person consents once. Source:
// api_getmessagetemplatelist, read 2026-11.
const longTerm = 3

// ListSubscribeTemplates returns the mini program's templates.
func (c *Client) ListSubscribeTemplates(ctx context.Context) ([]SubscribeTemplate, error) {
	out, err := patiently(ctx, func() (subscribeTemplatesReply, error) {
		return call[subscribeTemplatesReply](ctx, c, subscribeTemplateAPI, nil, nil)
	})
	if err != nil {
		return nil, err
	}
	templates := make([]SubscribeTemplate, len(out.Data))
	for i, t := range out.Data {
		templates[i] = SubscribeTemplate{Template: Template{ID: t.ID, Title: t.Title, Content: t.Content},
			Kind: wxcast.PermitOnce, Enums: map[string][]string{}}
		if t.Type == longTerm {
			templates[i].Kind = wxcast.PermitLongTerm
		}
		for _, m := range keyMark.FindAllStringSubmatch(t.Content, -1) {
			templates[i].Keys = append(templates[i].Keys, m[1])
		}
		for _, e := range t.Enums {
			templates[i].Enums[strings.TrimSuffix(e.Key, ".DATA")] = e.Values
		}
	}
	return templates, nil
}

// SubscribeMessage is one message to one mini user.
type SubscribeMessage struct {
	ToUser     wxcast.MiniOpenID
	TemplateID string
	Page       string            // of the mini program, without a leading slash; "" for no jump
	Version    string            // which of its versions opens: developer, trial; "" for the released one
	Lang       string            // zh_CN, zh_HK, zh_TW or en_US; "" for zh_CN
	Data       map[string]string // key, such as "thing1", to value
}

// encode is the message as WeChat wants it: see TemplateMessage. data is an object: as a text
// it ends in 43101.
func (m SubscribeMessage) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendText(append(b, `{"touser":`...), string(m.ToUser))
	b = appendText(append(b, `,"template_id":`...), m.TemplateID)
	for _, one := range []struct{ name, value string }{
		{"page", m.Page}, {"miniprogram_state", m.Version}, {"lang", m.Lang},
	} {
		if one.value != "" {
			b = append(appendText(append(b, ','), one.name), ':')
			b = appendText(b, one.value)
		}
	}
	return append(appendData(b, m.Data), '}')
}

// SendSubscribe sends one message and returns WeChat's msgid, by which the sent event names
// it. WeChat takes no id of ours: a message whose answer was lost may be out, and repeated it
// would be another one, at the price of another consent. Two calls for one person must not
// overlap: WeChat refuses the second (43108).
func (c *Client) SendSubscribe(ctx context.Context, m SubscribeMessage) (msgID int64, err error) {
	out, err := call[sendReply](ctx, c, SubscribeSendAPI, nil, m.encode())
	return out.MsgID, err
}
