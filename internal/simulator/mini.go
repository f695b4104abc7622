package simulator

import (
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

// permit is the right to send a template to a person: once, or again and again where the
// template is a long-term one. One given to the mini program is none of the official account's.
type permit struct {
	person   uint32
	template string
	mini     bool
}

// isMiniUser tells whether a person has been in the mini program: by the seed, as a stranger to
// the official account, or since then.
func (s *Server) isMiniUser(n uint32) bool {
	return n >= strangers || s.visitors[n] || n < s.listed && s.world.person(n).isMiniUser
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
	s.visitors[n] = true
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
	mini := s.inMini(openid)
	if mini {
		s.visitors[n] = true
	}
	s.permits[permit{n, templateID, mini}] += times
	for i := range times { // a tap each second until now
		s.callbacks.send(event{from: openid, name: "subscribe_msg_popup_event", mini: mini,
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
	delete(s.permits, permit{n, templateID, s.inMini(openid)})
	s.callbacks.send(event{from: openid, name: "subscribe_msg_change_event", mini: s.inMini(openid),
		list: []listItem{{TemplateID: templateID, Status: "reject", Scene: "0"}}}, 0)
	return true
}

// PermitsOf is how many messages of a template the person allows still, to the app that knows
// them by this openid.
func (s *Server) PermitsOf(openid, templateID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := s.world.anyone(openid)
	return s.permits[permit{n, templateID, s.inMini(openid)}]
}
