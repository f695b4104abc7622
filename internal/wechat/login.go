package wechat

import (
	"context"
	"errors"
	"net/url"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const codeToSessionAPI = "/sns/jscode2session"

// Errcodes of a login code. Source: code2Session, read 2026-11-20.
const (
	codeInvalid = 40029 // wrong, expired, or made for another mini program
	codeUsed    = 40163
	codeBlocked = 40226 // WeChat takes the person for a risk
)

// The ways in which a login code is no good.
var (
	// ErrLoginAgain: the mini program must call wx.login again.
	ErrLoginAgain = errors.New("the login code is wrong, too old or used; call wx.login again")
	// ErrLoginBlocked: WeChat refuses the person.
	ErrLoginBlocked = errors.New("WeChat refuses this person")
)

type sessionReply struct {
	status
	// session_key is not here: nobody may read it from us.
	OpenID  wxcast.MiniOpenID `json:"openid"`
	UnionID wxcast.UnionID    `json:"unionid"`
}

// CodeToSession exchanges what wx.login gave to a person for who they are. c is the mini
// program's client. UnionID is empty where the mini program is not bound to an Open
// Platform account. A code works once: an answer that is lost cannot be asked for again.
func (c *Client) CodeToSession(ctx context.Context, code string) (wxcast.MiniUser, error) {
	q := url.Values{"appid": {string(c.appid)}, "secret": {c.secret.Reveal()}, "js_code": {code},
		"grant_type": {"authorization_code"}}.Encode()
	for try := 1; ; try++ {
		raw, err := c.exchange(ctx, request{path: codeToSessionAPI}, q)
		var out sessionReply
		if err == nil {
			out, err = decode[sessionReply](codeToSessionAPI, raw, c.secret.Reveal(), code)
		}
		switch errcode := CodeOf(err); {
		case errcode == codeInvalid, errcode == codeUsed:
			return wxcast.MiniUser{}, ErrLoginAgain
		case errcode == codeBlocked:
			return wxcast.MiniUser{}, ErrLoginBlocked
		case errcode == -1 && try == 1: // safe to repeat, with the same code
			continue
		case err == nil && out.OpenID == "":
			return wxcast.MiniUser{}, &Error{Path: codeToSessionAPI, Err: errors.New("the reply names nobody")}
		}
		return wxcast.MiniUser{MiniOpenID: out.OpenID, UnionID: out.UnionID}, err
	}
}
