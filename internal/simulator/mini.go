package simulator

import (
	"encoding/json"
	"fmt"
	"time"
)

// codeLife is how long a login code lives. Source: wx.login.
const codeLife = 5 * time.Minute

// loginCode is what wx.login gave to a person.
type loginCode struct {
	person uint32
	at     time.Time
	used   bool
}

// permit is the right to send a template to a person once.
type permit struct {
	person   uint32
	template string
}

// NewLoginCode acts as wx.login on the phone of the person with this mini-program
// openid; ok is false for an openid of nobody.
func (s *Server) NewLoginCode(miniOpenID string) (code string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.world.mini.decode(miniOpenID)
	if !ok {
		return "", false
	}
	s.requests++
	code = fmt.Sprintf("0%016x%014x", s.world.hash(s.requests, 20), s.world.hash(s.requests, 21)>>8)
	s.codes[code] = loginCode{person: n, at: s.now()}
	return code, true
}

// codeToSession exchanges a login code, once.
func (s *Server) codeToSession(c *call) (any, *fault) {
	q := c.URL.Query()
	switch appid, secret := q.Get("appid"), q.Get("secret"); {
	case appid == "":
		return nil, &fault{41002, "appid missing"}
	case secret == "":
		return nil, &fault{41004, "appsecret missing"}
	case appid != s.MiniAppID:
		return nil, &fault{40013, "invalid appid"}
	case secret != s.MiniSecret:
		return nil, &fault{40125, "invalid appsecret"}
	}
	text := q.Get("js_code")
	if text == "" {
		return nil, &fault{41008, "missing code"}
	}
	code, known := s.codes[text]
	switch {
	case !known, s.now().Sub(code.at) > codeLife:
		return nil, &fault{40029, "invalid code"}
	case code.used:
		return nil, &fault{40163, "code been used"}
	}
	code.used = true
	s.codes[text] = code
	reply := struct {
		SessionKey string `json:"session_key"`
		OpenID     string `json:"openid"`
		UnionID    string `json:"unionid,omitempty"`
	}{SessionKey: fmt.Sprintf("%022x==", s.world.hash(code.person, 22)), OpenID: s.world.mini.encode(code.person)}
	if code.person >= strangers || s.world.person(code.person).hasUnionID {
		reply.UnionID = s.world.unionid.encode(code.person)
	}
	return reply, nil
}

// GivePermits acts as wx.requestSubscribeMessage: the person accepts a template so
// many times. openid is one of the mini program's or of the official account's.
func (s *Server) GivePermits(openid, templateID string, times int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.world.anyone(openid)
	if !ok {
		return false
	}
	s.permits[permit{n, templateID}] += times
	for i := range times { // a tap each second until now
		s.callbacks.send(event{from: openid, name: "subscribe_msg_popup_event", mini: s.inMini(openid),
			at:   s.now().Add(-time.Duration(times-1-i) * time.Second),
			list: []listItem{{TemplateID: templateID, Status: "accept", Scene: "0"}}}, 0)
	}
	return true
}

// inMini tells whether an openid is one of the mini program's.
func (s *Server) inMini(openid string) bool {
	_, ok := s.world.mini.decode(openid)
	return ok
}

// RefusePermits acts as a person who switches a template off in the settings: the
// permits are gone.
func (s *Server) RefusePermits(openid, templateID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.world.anyone(openid)
	if !ok {
		return false
	}
	delete(s.permits, permit{n, templateID})
	s.callbacks.send(event{from: openid, name: "subscribe_msg_change_event", mini: s.inMini(openid),
		list: []listItem{{TemplateID: templateID, Status: "reject", Scene: "0"}}}, 0)
	return true
}

type subscribeRequest struct {
	ToUser     string                   `json:"touser"`
	TemplateID string                   `json:"template_id"`
	Page       string                   `json:"page"`
	Data       map[string]templateValue `json:"data"`
}

// subscribeSend is the mini program's subscribe message, bizSend the official
// account's; they differ in whose openid they want.
func (s *Server) subscribeSend(c *call) (any, *fault) { return s.sendByPermit(c, s.world.mini) }
func (s *Server) bizSend(c *call) (any, *fault)       { return s.sendByPermit(c, s.world.openid) }

func (s *Server) sendByPermit(c *call, ids codec) (any, *fault) {
	var in subscribeRequest
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	n, ok := ids.decode(in.ToUser)
	if !ok {
		return nil, &fault{40003, "invalid openid"}
	}
	t := templateByID(in.TemplateID)
	if t == nil {
		return nil, &fault{40037, "invalid template_id"}
	}
	if key := badValue(t, in.Data); key != "" {
		return nil, &fault{47003, "argument invalid! data." + key + ".value invalid"}
	}
	if in.Page != "" && !s.released(in.Page) {
		return nil, &fault{41030, "invalid page"}
	}
	p := permit{n, in.TemplateID}
	if s.permits[p] == 0 {
		return nil, &fault{43101, "user refuse to accept the msg"}
	}
	s.permits[p]--
	s.lastMsgID++
	s.ledger.Permitted++
	s.callbacks.send(event{from: in.ToUser, name: "subscribe_msg_sent_event", mini: s.inMini(in.ToUser),
		list: []listItem{{TemplateID: in.TemplateID, MsgID: s.lastMsgID, ErrorCode: "0",
			Status: "success"}}}, s.receiptDelay())
	return sendReply{0, "ok", s.lastMsgID}, nil
}

// subscribeTemplates are the mini program's. Source: api_getmessagetemplatelist.
func (s *Server) subscribeTemplates(*call) (any, *fault) {
	type item struct {
		ID      string `json:"priTmplId"`
		Title   string `json:"title"`
		Content string `json:"content"`
		Example string `json:"example"`
		Type    int    `json:"type"` // 2 one-time, 3 long-term
	}
	out := struct {
		ErrCode int    `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
		Data    []item `json:"data"`
	}{ErrMsg: "ok"}
	for _, t := range templates {
		out.Data = append(out.Data, item{t.ID, t.Title, t.Content, t.Example, 2})
	}
	return out, nil
}
