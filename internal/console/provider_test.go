package console_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// provider is 企业微信 or 飞书, of which a test says who signs in.
type provider struct {
	*httptest.Server
	*http.ServeMux
	t *testing.T

	mu    sync.Mutex
	codes map[string]url.Values // what was asked for, by the code that it was answered with
	who   member
	asked map[string]int // calls, by path
	out   int            // with which errcode the API refuses all
}

// member is who signs in.
type member struct {
	id          string // "" for somebody who is not of the company
	email       string
	departments []string
}

const providersSecret = "a secret of the application"

func newProvider(t *testing.T, signIn string, right func(url.Values) bool) *provider {
	p := &provider{ServeMux: http.NewServeMux(), t: t, codes: map[string]url.Values{}, asked: map[string]int{}}
	p.HandleFunc("GET "+signIn, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if !right(q) {
			t.Errorf("the browser is led to %s", r.URL)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		code := rand.Text()
		p.codes[code] = q
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(),
			http.StatusFound)
	})
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// answers makes the API answer a call, with what it was asked for.
func (p *provider) answers(pattern string, answer func(r *http.Request, body map[string]string) map[string]any) {
	p.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked[r.URL.Path]++
		body := map[string]string{}
		_ = json.NewDecoder(r.Body).Decode(&body) // a GET has none
		a := map[string]any{"errcode": p.out, "code": p.out, "errmsg": "out of order", "msg": "out of order"}
		if p.out == 0 {
			a = answer(r, body)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a)
	})
}

// spend spends a code: nil for one that there is not.
func (p *provider) spend(code string) url.Values {
	asked := p.codes[code]
	delete(p.codes, code)
	return asked
}

func (p *provider) signsIn(m member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.who, p.out = m, 0
	clear(p.asked)
}

func newWeCom(t *testing.T) *provider {
	p := newProvider(t, "/wwlogin/sso/login", func(q url.Values) bool {
		return q.Get("login_type") == "CorpApp" && q.Get("appid") == "ww0123" && q.Get("agentid") == "1000002"
	})
	token := func(r *http.Request) bool { return r.URL.Query().Get("access_token") == "a token of the company" }
	p.answers("GET /cgi-bin/gettoken", func(r *http.Request, _ map[string]string) map[string]any {
		if q := r.URL.Query(); q.Get("corpid") != "ww0123" || q.Get("corpsecret") != providersSecret {
			return map[string]any{"errcode": 40001, "errmsg": "invalid credential"}
		}
		return map[string]any{"errcode": 0, "access_token": "a token of the company", "expires_in": 7200}
	})
	p.answers("GET /cgi-bin/auth/getuserinfo", func(r *http.Request, _ map[string]string) map[string]any {
		switch {
		case !token(r):
			return map[string]any{"errcode": 40014, "errmsg": "invalid access_token"}
		case p.spend(r.URL.Query().Get("code")) == nil:
			return map[string]any{"errcode": 40029, "errmsg": "invalid code"}
		case p.who.id == "":
			return map[string]any{"errcode": 0, "openid": "o-of-a-guest"}
		}
		return map[string]any{"errcode": 0, "userid": p.who.id}
	})
	p.answers("GET /cgi-bin/user/get", func(r *http.Request, _ map[string]string) map[string]any {
		if !token(r) || r.URL.Query().Get("userid") != p.who.id {
			return map[string]any{"errcode": 60111, "errmsg": "userid not found"}
		}
		var ids []json.Number
		for _, id := range p.who.departments {
			ids = append(ids, json.Number(id))
		}
		return map[string]any{"errcode": 0, "userid": p.who.id, "department": ids}
	})
	return p
}

func newFeishu(t *testing.T) *provider {
	p := newProvider(t, "/open-apis/authen/v1/authorize", func(q url.Values) bool {
		return q.Get("client_id") == "cli_0123" && q.Get("response_type") == "code" &&
			q.Get("code_challenge_method") == "S256"
	})
	bearer := func(r *http.Request, token string) bool { return r.Header.Get("Authorization") == "Bearer "+token }
	p.answers("POST /open-apis/authen/v2/oauth/token", func(_ *http.Request, body map[string]string) map[string]any {
		asked, verifier := p.spend(body["code"]), sha256.Sum256([]byte(body["code_verifier"]))
		if asked == nil || body["grant_type"] != "authorization_code" || body["client_id"] != "cli_0123" ||
			body["client_secret"] != providersSecret || body["redirect_uri"] != asked.Get("redirect_uri") ||
			asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(verifier[:]) {
			return map[string]any{"code": 20003, "error": "invalid_grant", "error_description": "invalid code"}
		}
		return map[string]any{"code": 0, "access_token": "a token of the user", "token_type": "Bearer"}
	})
	p.answers("GET /open-apis/authen/v1/user_info", func(r *http.Request, _ map[string]string) map[string]any {
		if !bearer(r, "a token of the user") {
			return map[string]any{"code": 20005, "msg": "invalid access token"}
		}
		if p.who.id == "" {
			return map[string]any{"code": 0, "data": map[string]any{}}
		}
		return map[string]any{"code": 0, "data": map[string]any{"open_id": "ou_" + p.who.id, "user_id": p.who.id,
			"email": p.who.email}}
	})
	p.answers("POST /open-apis/auth/v3/tenant_access_token/internal", func(_ *http.Request,
		body map[string]string) map[string]any {
		if body["app_id"] != "cli_0123" || body["app_secret"] != providersSecret {
			return map[string]any{"code": 10014, "msg": "app secret invalid"}
		}
		return map[string]any{"code": 0, "tenant_access_token": "a token of the tenant"}
	})
	p.answers("GET /open-apis/contact/v3/users/{id}", func(r *http.Request, _ map[string]string) map[string]any {
		if !bearer(r, "a token of the tenant") || r.PathValue("id") != "ou_"+p.who.id ||
			r.URL.Query().Get("department_id_type") != "open_department_id" {
			return map[string]any{"code": 41012, "msg": "user id invalid"}
		}
		return map[string]any{"code": 0, "data": map[string]any{"user": map[string]any{
			"department_ids": p.who.departments}}}
	})
	return p
}

// Users of 企业微信 and 飞书: who is in the company and in a group that may come in does; nobody else.
func TestUsersOfWeComAndFeishu(t *testing.T) {
	for _, test := range []struct {
		name            string
		provider        *provider
		env             map[string]string
		ops             string // the department that sends
		id, email, user string // of a member, and what they are called here
		member          string // the call for departments
	}{
		{name: "wecom", provider: newWeCom(t), env: map[string]string{"WXCAST_CONSOLE_SSO_CLIENT_ID": "ww0123",
			"WXCAST_CONSOLE_SSO_AGENT_ID": "1000002"}, ops: "7", id: "HanMeimei", user: "hanmeimei",
			member: "/cgi-bin/user/get"},
		{name: "feishu", provider: newFeishu(t), env: map[string]string{"WXCAST_CONSOLE_SSO_CLIENT_ID": "cli_0123"},
			ops: "od-7", id: "g25a1b", email: "Han@example.com", user: "han@example.com",
			member: "/open-apis/contact/v3/users/ou_g25a1b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := test.provider
			env := map[string]string{"WXCAST_CONSOLE_URL": "http://127.0.0.1/console",
				"WXCAST_CONSOLE_SSO_PROVIDER": test.name, "WXCAST_CONSOLE_SSO_URL": p.URL,
				"WXCAST_CONSOLE_SSO_CLIENT_SECRET": providersSecret,
				"WXCAST_CONSOLE_SSO_ROLES":         "department:" + test.ops + "=operator,everybody=viewer",
				"WXCAST_CONSOLE_SSO_PEOPLE":        "user:" + test.id}
			for name, value := range test.env {
				env[name] = value
			}
			var one sync.Mutex
			each(t, env, func(t *testing.T, w *world) {
				one.Lock()
				defer one.Unlock()
				can := func(b *browser, path string, want int) {
					t.Helper()
					if status, page, _ := b.do(http.MethodGet, path, nil); status != want {
						t.Errorf("%s: %d, not %d\n%.600s", path, status, want, page)
					}
				}
				sends := func(b *browser, want int) {
					t.Helper()
					if status, page, _ := b.do(http.MethodPost, "/accounts/default/drafts", nil); status != want {
						t.Errorf("begin a draft: %d, not %d\n%.600s", status, want, page)
					}
				}
				han := w.browser()
				p.signsIn(member{id: test.id, email: test.email, departments: []string{"1", test.ops}})
				if status, page, to := throughCompany(t, han, nil); status != http.StatusSeeOther || to != "/console/me" {
					t.Fatalf("%d %s\n%s\n%s", status, to, page, w.log)
				}
				if _, page, _ := han.do(http.MethodGet, "/me", nil); !strings.Contains(page, test.user) {
					t.Errorf("is not called %s:\n%.2000s", test.user, page)
				}
				sends(han, http.StatusSeeOther)
				can(han, "/accounts/default/people", http.StatusOK)
				if p.asked[test.member] != 1 {
					t.Errorf("asked %v", p.asked)
				}
				// Out of the department, out of the role, from the next sign-in on.
				p.signsIn(member{id: test.id, email: test.email, departments: []string{"1"}})
				if status, _, _ := throughCompany(t, han, nil); status != http.StatusSeeOther {
					t.Fatal(status)
				}
				can(han, "/accounts/default/broadcasts", http.StatusOK)
				sends(han, http.StatusForbidden)

				li := member{id: "li", email: "li@example.com"}
				for name, test := range map[string]struct {
					who    member
					out    int
					change func(url.Values)
					logged string
				}{
					"who is not of the company": {who: member{}, logged: "who signed in"},
					"a code that was not":       {who: li, change: func(q url.Values) { q.Set("code", "x") }, logged: "invalid code"},
					"another journey":           {who: li, change: func(q url.Values) { q.Set("state", "x") }, logged: "not of this sign-in"},
					"no state":                  {who: li, change: func(q url.Values) { q.Del("state") }, logged: "not of this sign-in"},
					"no code":                   {who: li, change: func(q url.Values) { q.Del("code") }, logged: "not of this sign-in"},
					"an address not allowed":    {who: li, out: 60020, logged: "60020: out of order"},
				} {
					p.signsIn(test.who)
					p.out = test.out
					status, page, _ := throughCompany(t, w.browser(), test.change)
					if status != http.StatusUnprocessableEntity || !strings.Contains(page, "did not let you in") {
						t.Errorf("%s: %d\n%.900s", name, status, page)
					}
					if !strings.Contains(w.log.String(), test.logged) {
						t.Errorf("%s: the log does not say %s", name, test.logged)
					}
				}
				p.signsIn(member{id: "韩 梅梅"})
				if status, _, _ := throughCompany(t, w.browser(), nil); status != http.StatusUnprocessableEntity {
					t.Errorf("a name that no user can have: %d", status)
				}
				for _, secret := range []string{providersSecret, url.QueryEscape(providersSecret), "a token of",
					"a+token+of"} {
					if strings.Contains(w.log.String(), secret) {
						t.Errorf("the log holds %s", secret)
					}
				}
			})
		})
	}
}

// A provider that cannot be reached says so in the log, without the secret that was meant for it.
func TestAProviderThatIsAwayLeaksNothing(t *testing.T) {
	p := newWeCom(t)
	each(t, map[string]string{"WXCAST_CONSOLE_URL": "http://127.0.0.1/console", "WXCAST_CONSOLE_SSO_PROVIDER": "wecom",
		"WXCAST_CONSOLE_SSO_URL": p.URL, "WXCAST_CONSOLE_SSO_CLIENT_ID": "ww0123",
		"WXCAST_CONSOLE_SSO_AGENT_ID": "1000002", "WXCAST_CONSOLE_SSO_CLIENT_SECRET": providersSecret,
		"WXCAST_CONSOLE_SSO_ROLES": "everybody=viewer"}, func(t *testing.T, w *world) {
		b := w.browser()
		_, _, out := b.do(http.MethodGet, "/sign-in/company", nil)
		to, err := url.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		p.CloseClientConnections()
		p.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		status, _, _ := b.do(http.MethodGet, "/sign-in/company/done?code=x&state="+to.Query().Get("state"), nil)
		if status != http.StatusUnprocessableEntity || !strings.Contains(w.log.String(), "ask "+to.Host) {
			t.Errorf("%d %s", status, w.log)
		}
		if text := w.log.String(); strings.Contains(text, "a+secret") || strings.Contains(text, providersSecret) {
			t.Error("the log holds the secret")
		}
	})
}

// Inside 企业微信 nobody scans anything.
func TestInsideWeComNobodyScans(t *testing.T) {
	each(t, map[string]string{"WXCAST_CONSOLE_URL": "https://ops.example.com", "WXCAST_CONSOLE_SSO_PROVIDER": "wecom",
		"WXCAST_CONSOLE_SSO_CLIENT_ID": "ww0123", "WXCAST_CONSOLE_SSO_AGENT_ID": "1000002",
		"WXCAST_CONSOLE_SSO_CLIENT_SECRET": providersSecret, "WXCAST_CONSOLE_SSO_ROLES": "everybody=viewer"},
		func(t *testing.T, w *world) {
			for agent, want := range map[string]string{
				"Mozilla/5.0 (Macintosh) Chrome/130":                      "https://login.work.weixin.qq.com/wwlogin/sso/login?",
				"Mozilla/5.0 (iPhone) wxwork/4.1.30 MicroMessenger/7.0.1": "https://open.weixin.qq.com/connect/oauth2/authorize?",
			} {
				r, err := http.NewRequest(http.MethodGet, w.url+"/sign-in/company", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("User-Agent", agent)
				resp, err := w.browser().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if to := resp.Header.Get("Location"); !strings.HasPrefix(to, want) ||
					!strings.Contains(to, url.QueryEscape("https://ops.example.com/sign-in/company/done")) {
					t.Errorf("%s is led to %s", agent, to)
				}
			}
		})
}
