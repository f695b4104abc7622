package access

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
)

// Feishu is 飞书, or Lark, by an application of the company's own. Its Client.ID is the App ID.
//
// Sources: https://open.feishu.cn/document of authen/v1/authorize, authen/v2/oauth/token,
// authen/v1/user_info, auth/v3/tenant_access_token/internal and contact/v3/users.
type Feishu struct {
	Client
	API         string // "" for https://open.feishu.cn
	SignIn      string // of the page that asks; "" for https://accounts.feishu.cn
	Departments bool   // whether departments count: they cost two calls
}

const (
	feishuAPI    = "https://open.feishu.cn"
	feishuSignIn = "https://accounts.feishu.cn"
)

// Begin implements Provider.
func (f *Feishu) Begin(context.Context, string) (address string, j Journey, err error) {
	j = newJourney()
	return cmp.Or(f.SignIn, feishuSignIn) + "/open-apis/authen/v1/authorize?" + url.Values{"client_id": {f.ID},
		"response_type": {"code"}, "redirect_uri": {f.Redirect}, "state": {j.State}, "code_challenge_method": {"S256"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(j.Verifier)}}.Encode(), j, nil
}

// errNobody: 飞书 answered without saying who it is.
var errNobody = errors.New("who signed in has no open_id")

// End implements Provider. The name is the first that the person has of company's e-mail, e-mail,
// user_id and open_id: which of them an application sees is a matter of its rights.
func (f *Feishu) End(ctx context.Context, j Journey, state, code string) (p Person, err error) {
	if err := j.check(state, code); err != nil {
		return p, err
	}
	var token struct {
		feishuAnswer
		AccessToken string `json:"access_token"`
	}
	err = f.call(ctx, http.MethodPost, "authen/v2/oauth/token", "", map[string]string{"grant_type": "authorization_code",
		"client_id": f.ID, "client_secret": f.Secret.Reveal(), "code": code, "redirect_uri": f.Redirect,
		"code_verifier": j.Verifier}, &token)
	if err != nil {
		return p, err
	}
	var who struct {
		feishuAnswer
		Data struct {
			OpenID          string `json:"open_id"`
			UserID          string `json:"user_id"`
			Email           string `json:"email"`
			EnterpriseEmail string `json:"enterprise_email"`
		} `json:"data"`
	}
	if err := f.call(ctx, http.MethodGet, "authen/v1/user_info", token.AccessToken, nil, &who); err != nil {
		return p, err
	}
	d := who.Data
	if d.OpenID == "" {
		return p, errNobody
	}
	groups := []string{groupEverybody, groupUser + d.OpenID}
	if d.UserID != "" {
		groups = append(groups, groupUser+d.UserID)
	}
	if f.Departments {
		ids, err := f.departments(ctx, d.OpenID)
		if err != nil {
			return p, err
		}
		for _, id := range ids {
			groups = append(groups, groupDepartment+id)
		}
	}
	return named("feishu "+f.ID+" "+d.OpenID, cmp.Or(d.EnterpriseEmail, d.Email, d.UserID, d.OpenID), groups...)
}

// departments are the open_department_ids of those that a person is in.
func (f *Feishu) departments(ctx context.Context, openID string) ([]string, error) {
	var tenant struct {
		feishuAnswer
		Token string `json:"tenant_access_token"`
	}
	if err := f.call(ctx, http.MethodPost, "auth/v3/tenant_access_token/internal", "",
		map[string]string{"app_id": f.ID, "app_secret": f.Secret.Reveal()}, &tenant); err != nil {
		return nil, err
	}
	var member struct {
		feishuAnswer
		Data struct {
			User struct {
				DepartmentIDs []string `json:"department_ids"`
			} `json:"user"`
		} `json:"data"`
	}
	err := f.call(ctx, http.MethodGet, "contact/v3/users/"+url.PathEscape(openID)+
		"?user_id_type=open_id&department_id_type=open_department_id", tenant.Token, nil, &member)
	return member.Data.User.DepartmentIDs, err
}

// feishuAnswer is in all of 飞书's answers.
type feishuAnswer struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Why  string `json:"error_description"` // in place of Msg where OAuth's own words are used
}

func (a feishuAnswer) refusal(call string) error { return refusal(call, a.Code, cmp.Or(a.Msg, a.Why)) }

// call makes one call, with a token where it needs one.
func (f *Feishu) call(ctx context.Context, method, call, token string, body any,
	answer interface{ refusal(string) error }) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, cmp.Or(f.API, feishuAPI)+"/open-apis/"+call, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if method == http.MethodGet {
		r.Body, r.ContentLength = nil, 0
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if err := ask(r, answer); err != nil {
		return err
	}
	return answer.refusal(call)
}
