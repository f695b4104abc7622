package wechat

import (
	"context"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// subscribeTemplateAPI takes the mini program's token.
const subscribeTemplateAPI = "/wxaapi/newtmpl/gettemplate"

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
