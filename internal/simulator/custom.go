package simulator

import (
	"encoding/json"
	"regexp"
)

// customAPI is the path of customer-service messages.
const customAPI = "/cgi-bin/message/custom/send"

type customRequest struct {
	ToUser  string `json:"touser"`
	MsgType string `json:"msgtype"`
	Text    struct {
		Content string `json:"content"`
	} `json:"text"`
	Card struct {
		Title        string `json:"title"`
		AppID        string `json:"appid"`
		PagePath     string `json:"pagepath"`
		ThumbMediaID string `json:"thumb_media_id"`
	} `json:"miniprogrampage"`
}

// customSend takes a card or a text for a person whose window is open: it checks, in this order,
// the body, the recipient, the content, and the window.
func (s *Server) customSend(c *call) (any, *fault) {
	var in customRequest
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if f := s.tooFast(c.api); f != nil {
		return nil, f
	}
	n, ok := s.world.openid.decode(in.ToUser)
	if !ok || n >= s.listed {
		return nil, &fault{40003, "invalid openid"}
	}
	if s.gone[n] || !s.world.person(n).reachable {
		return nil, &fault{43004, "require subscribe"}
	}
	if f := s.checkCustom(in); f != nil {
		return nil, f
	}
	card := in.MsgType == "miniprogrampage"
	busy := card && s.random.Float64() < s.knobs.BusyCard
	if busy && !s.knobs.BusyCardSent {
		return nil, &fault{-1, "system error"}
	}
	if f := s.useWindow(n); f != nil {
		return nil, f
	}
	m := message{person: n, at: s.now(), channel: "service"}
	if card {
		m.page = in.Card.PagePath
	}
	s.ledger.add(m)
	if busy {
		return nil, &fault{-1, "system error"}
	}
	return okReply, nil
}

// miniLink finds the mini programs that a text's links lead to.
var miniLink = regexp.MustCompile(`<a\b[^>]*\bdata-miniprogram-appid\s*=\s*["']?([^"'\s>]*)`)

// checkCustom checks a message's content.
func (s *Server) checkCustom(in customRequest) *fault {
	switch in.MsgType {
	case "text":
		if in.Text.Content == "" {
			return &fault{44004, "empty content"}
		}
		for _, link := range miniLink.FindAllStringSubmatch(in.Text.Content, -1) {
			if link[1] != s.MiniAppID {
				return &fault{45086, "invalid data-miniprogram attribute"}
			}
		}
	case "miniprogrampage":
		ends, known := s.media[in.Card.ThumbMediaID]
		switch {
		case in.Card.AppID != s.MiniAppID:
			return &fault{40013, "invalid appid"}
		case !s.released(in.Card.PagePath):
			return &fault{40165, "invalid weapp pagepath"}
		case in.Card.Title == "":
			return &fault{47003, "argument invalid! title invalid"}
		case !known || s.now().After(ends):
			return &fault{40007, "invalid media_id"}
		}
	default:
		return &fault{40008, "invalid message type"}
	}
	return nil
}
