package wechat

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// qrCodeAPI makes QR codes with a parameter (生成带参数的二维码). Certified service accounts may
// call it.
const qrCodeAPI = "/cgi-bin/qrcode/create"

// QRCode is a QR code of the account: who scans it follows, or is told of as a SCAN.
type QRCode struct {
	URL     string // what the code says
	Picture string // where WeChat shows the code as a picture
}

type qrCodeReply struct {
	status
	Ticket string `json:"ticket"`
	URL    string `json:"url"`
}

// QRCode makes a QR code that is good for a while: whole seconds, at most 30 days. WeChat tells of
// who scans it by the scene, of 1 to 64 characters.
func (c *Client) QRCode(ctx context.Context, scene string, span time.Duration) (QRCode, error) {
	type info struct {
		Scene map[string]string `json:"scene"`
	}
	body, err := json.Marshal(struct {
		ExpireSeconds int    `json:"expire_seconds"`
		ActionName    string `json:"action_name"`
		ActionInfo    info   `json:"action_info"`
	}{int(span.Seconds()), "QR_STR_SCENE", info{map[string]string{"scene_str": scene}}})
	if err != nil {
		return QRCode{}, err
	}
	out, err := patiently(ctx, func() (qrCodeReply, error) { return call[qrCodeReply](ctx, c, qrCodeAPI, nil, body) })
	if err != nil {
		return QRCode{}, err
	}
	if out.URL == "" || out.Ticket == "" {
		return QRCode{}, wxcast.NewError("wechat.no_qrcode")
	}
	return QRCode{URL: out.URL, Picture: "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=" +
		url.QueryEscape(out.Ticket)}, nil
}
