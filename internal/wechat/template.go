package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

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
	out, err := patiently(ctx, func() (templatesReply,
		error) {
		return call[templatesReply](ctx, c, templateListAPI, nil, nil)
	})
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

// encode is the message as WeChat wants it: UTF-8 without \u escapes, which it
// answers with 40033 or 47002.
func (m TemplateMessage) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendText(append(b, `{"touser":`...), string(m.ToUser))
	b = appendText(append(b, `,"template_id":`...), m.TemplateID)
	if m.URL != "" {
		b = appendText(append(b, `,"url":`...), m.URL)
	}
	b = appendMiniProgram(b, m.MiniAppID, m.PagePath)
	if m.ClientMsgID != "" {
		b = appendText(append(b, `,"client_msg_id":`...), m.ClientMsgID)
	}
	return append(appendData(b, m.Data), '}')
}

// appendMiniProgram appends what opens with a message; nothing where appid is "".
func appendMiniProgram(b []byte, appid wxcast.AppID, pagePath string) []byte {
	if appid == "" {
		return b
	}
	b = appendText(append(b, `,"miniprogram":{"appid":`...), string(appid))
	if pagePath != "" {
		b = appendText(append(b, `,"pagepath":`...), pagePath)
	}
	return append(b, '}')
}

// appendData appends the values of a message.
func appendData(b []byte, data map[string]string) []byte {
	b = append(b, `,"data":{`...)
	for i, key := range slices.Sorted(maps.Keys(data)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, key), `:{"value":`...)
		b = append(appendText(b, data[key]), '}')
	}
	return append(b, '}')
}

// appendText appends a JSON string. Most texts need no escape; the library writes the
// others.
func appendText(b []byte, text string) []byte {
	plain := utf8.ValidString(text)
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= ' ' && text[i] != '"' && text[i] != '\\'
	}
	if plain {
		b = append(b, '"')
		b = append(b, text...)
		return append(b, '"')
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text can always be encoded
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

type sendReply struct {
	status
	MsgID int64 `json:"msgid"`
}

// quick reads the form in which WeChat accepts a message, in a fraction of the time of the
// library, which reads every other.
func (r *sendReply) quick(raw []byte) bool {
	rest, begins := bytes.CutPrefix(raw, []byte(`{"errcode":0,"errmsg":"ok","msgid":`))
	digits, ends := bytes.CutSuffix(rest, []byte("}"))
	id, err := strconv.ParseUint(string(digits), 10, 63)
	if !begins || !ends || err != nil {
		return false
	}
	r.ErrMsg, r.MsgID = "ok", int64(id)
	return true
}

// SendTemplate sends one message and returns WeChat's msgid, which is above 2^53.
// No error means accepted, not delivered: that comes as a receipt.
func (c *Client) SendTemplate(ctx context.Context, m TemplateMessage) (msgID int64, err error) {
	out, err := call[sendReply](ctx, c, TemplateSendAPI, nil, m.encode())
	return out.MsgID, err
}
