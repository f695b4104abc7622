package simulator

import (
	"encoding/json"
	"fmt"
	"time"
)

// qrCodeAPI makes QR codes with a parameter.
const qrCodeAPI = "/cgi-bin/qrcode/create"

// Source: the page "生成带参数的二维码".
const (
	sceneMax     = 64 // characters of a scene_str
	qrCodeMax    = 30 * 24 * time.Hour
	qrCodeUsual  = time.Minute // where no expire_seconds is given
	qrCodeAction = "QR_STR_SCENE"
)

// qrCode makes a QR code that ends. Other kinds, by numbers and without an end, wxcast does not make.
func (s *Server) qrCode(c *call) (any, *fault) {
	var in struct {
		ExpireSeconds int64  `json:"expire_seconds"`
		ActionName    string `json:"action_name"`
		ActionInfo    struct {
			Scene struct {
				SceneStr string `json:"scene_str"`
			} `json:"scene"`
		} `json:"action_info"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	scene := in.ActionInfo.Scene.SceneStr
	span := time.Duration(in.ExpireSeconds) * time.Second
	if in.ActionName != qrCodeAction || span > qrCodeMax || span < 0 {
		return nil, &fault{40097, "invalid args"}
	}
	if n := len([]rune(scene)); n < 1 || n > sceneMax {
		return nil, &fault{40053, "invalid action info"}
	}
	if span == 0 {
		span = qrCodeUsual
	}
	s.requests++
	url := fmt.Sprintf("http://weixin.qq.com/q/%016x", s.world.hash(s.requests, 52))
	s.scenes[scene], s.qrCodes[url] = s.now().Add(span), scene
	return struct {
		Ticket        string `json:"ticket"`
		ExpireSeconds int64  `json:"expire_seconds"`
		URL           string `json:"url"`
	}{fmt.Sprintf("gQ%016x%016x==", s.world.hash(s.requests, 50), s.world.hash(s.requests, 51)), int64(span.Seconds()),
		url}, nil
}
