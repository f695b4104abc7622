package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// API paths of the template calls, as quota/get names them.
const (
	TemplateSendAPI = "/cgi-bin/message/template/send"
	templateListAPI = "/cgi-bin/template/get_all_private_template"
)

// Template is one of the account's message templates.
type Template struct {
	ID      string
	Title   string
	Content string
	// Keys are what the content asks for, in its order, such as "thing1".
	Keys []string
}

// keyMark is how a template's content names a value: {{thing1.DATA}}.
var keyMark = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\.DATA\s*\}\}`)

type templatesReply struct {
	status
	Templates []struct {
		ID      string `json:"template_id"`
		Title   string `json:"title"`
		Content string `json:"content"`
	} `json:"template_list"`
}

// ListTemplates returns the account's templates. There are at most 25.
func (c *Client) ListTemplates(ctx context.Context) ([]Template, error) {
	out, err := patiently(ctx, func() (templatesReply, error) { return call[templatesReply](ctx, c, templateListAPI, nil, nil) })
	if err != nil {
		return nil, err
	}
	templates := make([]Template, len(out.Templates))
	for i, t := range out.Templates {
		templates[i] = Template{ID: t.ID, Title: t.Title, Content: t.Content}
		for _, m := range keyMark.FindAllStringSubmatch(t.Content, -1) {
			templates[i].Keys = append(templates[i].Keys, m[1])
		}
	}
	return templates, nil
}

// TemplateMessage is one message to one follower.
type TemplateMessage struct {
	ToUser     wxcast.OpenID
	TemplateID string
	URL        string       // opened where a mini program cannot be; "" for none
	MiniAppID  wxcast.AppID // "" for none
	PagePath   string       // of the mini program, without a leading slash
	// ClientMsgID is the same on every attempt: WeChat takes it once in 10 minutes.
	ClientMsgID string
	Data        map[string]string // key, such as "thing1", to value
}

type templateValue struct {
	Value string `json:"value"`
}

type templateMiniProgram struct {
	AppID    wxcast.AppID `json:"appid"`
	PagePath string       `json:"pagepath,omitempty"`
}

// encode is the message as WeChat wants it: UTF-8 without \u escapes, which it
// answers with 40033 or 47002.
func (m TemplateMessage) encode() ([]byte, error) {
	data := make(map[string]templateValue, len(m.Data))
	for key, value := range m.Data {
		data[key] = templateValue{value}
	}
	wire := struct {
		ToUser      wxcast.OpenID            `json:"touser"`
		TemplateID  string                   `json:"template_id"`
		URL         string                   `json:"url,omitempty"`
		MiniProgram *templateMiniProgram     `json:"miniprogram,omitempty"`
		ClientMsgID string                   `json:"client_msg_id,omitempty"`
		Data        map[string]templateValue `json:"data"`
	}{ToUser: m.ToUser, TemplateID: m.TemplateID, URL: m.URL, ClientMsgID: m.ClientMsgID, Data: data}
	if m.MiniAppID != "" {
		wire.MiniProgram = &templateMiniProgram{m.MiniAppID, m.PagePath}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(wire); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type sendReply struct {
	status
	MsgID int64 `json:"msgid"`
}

// SendTemplate sends one message and returns WeChat's msgid, which is above 2^53.
// No error means accepted, not delivered: that comes as a receipt.
func (c *Client) SendTemplate(ctx context.Context, m TemplateMessage) (msgID int64, err error) {
	body, err := m.encode()
	if err != nil {
		return 0, err
	}
	out, err := call[sendReply](ctx, c, TemplateSendAPI, nil, body)
	return out.MsgID, err
}
