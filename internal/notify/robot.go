// Package notify tells people reports and alerts, through the robots of their chats and
// through webhooks.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/webhook"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Robot is where to tell.
type Robot struct {
	Kind   string                       // "wecom", "dingtalk", "feishu", "slack", "json" or "email"
	URL    interface{ Reveal() string } // it holds the robot's key; of e-mail see mailServer
	Secret interface{ Reveal() string } // signs messages for DingTalk and Feishu, logs in to e-mail; empty for none
	Lang   text.Lang                    // in which it tells
	// Page makes a page for browsers of a notice's Data, for e-mail; nil for none.
	Page func(ctx context.Context, n wxcast.Notice) ([]byte, error)
}

// textMax is how many bytes the strictest of them takes: WeCom's markdown.
const textMax = 4096

// message is what goes over the wire: where to, and the body.
type message struct {
	url  string
	body any
}

// compose writes a notice as the robot wants it. Sources, read 2026-11-21: WeCom "群机器人
// 配置说明" (path/91770), DingTalk "自定义机器人接入", Feishu "自定义机器人使用指南", Slack
// "Sending messages using incoming webhooks".
func (r Robot) compose(n wxcast.Notice, account string, now time.Time) (message, error) {
	title, lines := r.title(n), r.Lang.Say(n.Body)
	to := r.URL.Reveal()
	switch r.Kind {
	case "wecom":
		return message{to, map[string]any{"msgtype": "markdown",
			"markdown": map[string]string{"content": shorten("**"+title+"**\n"+lines, textMax)}}}, nil
	case "dingtalk":
		u, err := url.Parse(to)
		if err != nil {
			return message{}, errors.New("its address is none")
		}
		if secret := r.Secret.Reveal(); secret != "" {
			stamp := strconv.FormatInt(now.UnixMilli(), 10)
			q := u.Query()
			q.Set("timestamp", stamp)
			q.Set("sign", sign(secret, stamp+"\n"+secret))
			u.RawQuery = q.Encode()
		}
		// DingTalk's markdown joins lines that do not end with two blanks.
		markdown := "**" + title + "**\n\n" + strings.ReplaceAll(lines, "\n", "  \n")
		return message{u.String(), map[string]any{"msgtype": "markdown",
			"markdown": map[string]string{"title": title, "text": shorten(markdown, textMax)}}}, nil
	case "feishu":
		body := map[string]any{"msg_type": "text",
			"content": map[string]string{"text": shorten(title+"\n"+lines, textMax)}}
		if secret := r.Secret.Reveal(); secret != "" {
			stamp := strconv.FormatInt(now.Unix(), 10)
			body["timestamp"], body["sign"] = stamp, sign(stamp+"\n"+secret, "")
		}
		return message{to, body}, nil
	case "slack":
		return message{to, map[string]string{"text": shorten("*"+title+"*\n"+lines, textMax)}}, nil
	default:
		body := map[string]any{"account": account, "kind": n.Kind, "key": n.Key, "title": r.Lang.Say(n.Title),
			"text": lines, "raised_at": n.RaisedAt, "over": !n.OverAt.IsZero()}
		if n.Data != "" {
			body["data"] = json.RawMessage(n.Data)
		}
		return message{to, body}, nil
	}
}

// title is a notice's title as people read it.
func (r Robot) title(n wxcast.Notice) string {
	if n.OverAt.IsZero() {
		return r.Lang.Say(n.Title)
	}
	return r.Lang.T("alert.recovered", "title", n.Title)
}

func sign(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// shorten cuts a text to so many bytes, between two characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	text = text[:most-len("…")]
	for len(text) > 0 && !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// Tell sends a notice. Its error never holds the address, which holds the robot's key.
func (r Robot) Tell(ctx context.Context, client *http.Client, n wxcast.Notice, account string, now time.Time) error {
	if r.Kind == "email" {
		return r.tellByMail(ctx, n)
	}
	m, err := r.compose(n, account, now)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Kind, err)
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m.body); err != nil {
		return fmt.Errorf("%s: %w", r.Kind, err)
	}
	payload := body.Bytes()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("%s: its address is none", r.Kind)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	if r.Kind == "json" && r.Secret.Reveal() != "" {
		if err := r.signed(req, n, now, payload); err != nil {
			return fmt.Errorf("%s: %w", r.Kind, err)
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return fmt.Errorf("%s does not answer: %w", r.Kind, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("%s: %w", r.Kind, err)
	}
	return r.judge(resp.StatusCode, answer)
}

// signed signs a request to a webhook of the company's own.
func (r Robot) signed(req *http.Request, n wxcast.Notice, now time.Time, payload []byte) error {
	id := fmt.Sprintf("%s:%d:%d", n.Key, n.RaisedAt.Unix(), max(n.OverAt.Unix(), 0)) // the same when it is told again
	return webhook.Sign(req.Header, []string{r.Secret.Reveal()}, id, now, payload)
}

// judge tells whether the robot took the message: several answer 200 when they did not.
func (r Robot) judge(status int, answer []byte) error {
	if status < 200 || status > 299 {
		return fmt.Errorf("%s answers with status %d", r.Kind, status)
	}
	var said struct {
		ErrCode int    `json:"errcode"` // WeCom, DingTalk
		ErrMsg  string `json:"errmsg"`
		Code    int    `json:"code"` // Feishu
		Msg     string `json:"msg"`
	}
	if r.Kind == "slack" || r.Kind == "json" || json.Unmarshal(answer, &said) != nil {
		return nil
	}
	if said.ErrCode != 0 {
		return fmt.Errorf("%s refuses the message: %d %s", r.Kind, said.ErrCode, said.ErrMsg)
	}
	if said.Code != 0 {
		return fmt.Errorf("%s refuses the message: %d %s", r.Kind, said.Code, said.Msg)
	}
	return nil
}
