package access

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// WeCom is 企业微信, by an application of the company's own. Its Client.ID is the corpid.
//
// Sources: https://developer.work.weixin.qq.com/document/path/98152 (sign-in in a browser), 91022
// (inside 企业微信), 96442 (auth/getuserinfo), 90196 (user/get), 91039 (gettoken).
type WeCom struct {
	Client
	AgentID     string // of the application
	API         string // "" for https://qyapi.weixin.qq.com
	SignIn      string // of the page with the QR code; "" for https://login.work.weixin.qq.com
	Departments bool   // whether departments count: they cost a call
}

const (
	weComAPI     = "https://qyapi.weixin.qq.com"
	weComSignIn  = "https://login.work.weixin.qq.com"
	weComInside  = "https://open.weixin.qq.com/connect/oauth2/authorize"
	weComBrowser = "wxwork/" // in what the browser inside 企业微信 calls itself
)

// Begin implements Provider: a QR code, or no question at all inside 企业微信.
func (w *WeCom) Begin(_ context.Context, agent string) (address string, j Journey, err error) {
	j = newJourney()
	q := url.Values{"appid": {w.ID}, "agentid": {w.AgentID}, "redirect_uri": {w.Redirect}, "state": {j.State}}
	if strings.Contains(agent, weComBrowser) {
		q.Set("response_type", "code")
		q.Set("scope", "snsapi_base")
		return weComInside + "?" + q.Encode() + "#wechat_redirect", j, nil
	}
	q.Set("login_type", "CorpApp")
	return cmp.Or(w.SignIn, weComSignIn) + "/wwlogin/sso/login?" + q.Encode(), j, nil
}

// errNoMember: 企业微信 knows them, but they are not of the company.
var errNoMember = errors.New("who signed in is no member of the company")

// End implements Provider.
func (w *WeCom) End(ctx context.Context, j Journey, state, code string) (p Person, err error) {
	if err := j.check(state, code); err != nil {
		return p, err
	}
	var token struct {
		weComAnswer
		AccessToken string `json:"access_token"`
	}
	// A token is asked for at each sign-in, of which there are few: nothing is kept that could be
	// stolen or have gone stale.
	if err := w.get(ctx, "gettoken", url.Values{"corpid": {w.ID}, "corpsecret": {w.Secret.Reveal()}}, &token); err != nil {
		return p, err
	}
	var who struct {
		weComAnswer
		UserID string `json:"userid"`
	}
	if err := w.get(ctx, "auth/getuserinfo", url.Values{"access_token": {token.AccessToken}, "code": {code}},
		&who); err != nil {
		return p, err
	}
	if who.UserID == "" {
		return p, errNoMember
	}
	groups := []string{groupEverybody, groupUser + who.UserID}
	if w.Departments {
		var member struct {
			weComAnswer
			Department []int64 `json:"department"`
		}
		if err := w.get(ctx, "user/get", url.Values{"access_token": {token.AccessToken}, "userid": {who.UserID}},
			&member); err != nil {
			return p, err
		}
		for _, id := range member.Department {
			groups = append(groups, groupDepartment+strconv.FormatInt(id, 10))
		}
	}
	return named("wecom "+w.ID+" "+who.UserID, who.UserID, groups...)
}

// weComAnswer is in all of 企业微信's answers.
type weComAnswer struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

func (a weComAnswer) refusal(call string) error { return refusal(call, a.ErrCode, a.ErrMsg) }

// get makes one call.
func (w *WeCom) get(ctx context.Context, call string, q url.Values, answer interface{ refusal(string) error }) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, cmp.Or(w.API, weComAPI)+"/cgi-bin/"+call+"?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	if err := ask(r, answer); err != nil {
		return err
	}
	return answer.refusal(call)
}
