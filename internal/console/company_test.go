package console_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wxcast/wxcast/internal/account"
)

// issuer is a company's sign-in: OpenID Connect over HTTP, of which a test says who signs in.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // what was asked for, by the code that it was answered with
	claims jwt.MapClaims         // of who signs in
}

func newIssuer(t *testing.T) *issuer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize",
			"token_endpoint": i.URL + "/token",
			"jwks_uri":       i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		code := rand.Text()
		i.codes[code] = r.URL.Query()
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+url.Values{"code": {code},
			"state": {r.URL.Query().Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		asked, ok := i.codes[r.PostFormValue("code")]
		delete(i.codes, r.PostFormValue("code"))
		verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(verifier[:]) {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		claims := jwt.MapClaims{"iss": i.URL, "aud": asked.Get("client_id"), "iat": time.Now().Unix(),
			"exp": time.Now().Add(time.Minute).Unix(), "nonce": asked.Get("nonce")}
		for name, value := range i.claims {
			claims[name] = value
		}
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
		token.Header["kid"] = "1"
		signed, err := token.SignedString(i.key)
		if err != nil {
			t.Error(err)
		}
		answer(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": signed})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// signsIn says who signs in next.
func (i *issuer) signsIn(claims jwt.MapClaims) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = claims
}

// throughCompany signs somebody in by the company's account; change changes what leads back.
func throughCompany(t *testing.T, b *browser, change func(url.Values)) (status int, page, to string) {
	t.Helper()
	_, _, out := b.do(http.MethodGet, "/sign-in/company?next=/me", nil)
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}).Get(out)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), "http://127.0.0.1/console/sign-in/company/done?") {
		t.Fatalf("%s leads to %s (%v)", out, back, err)
	}
	q := back.Query()
	if change != nil {
		change(q)
	}
	return b.do(http.MethodGet, "/sign-in/company/done?"+q.Encode(), nil)
}

func TestUsersOfTheCompanysIssuer(t *testing.T) {
	company := newIssuer(t)
	// Where the console is reached, the browser's own way there is followed by hand.
	env := map[string]string{"WXCAST_CONSOLE_URL": "http://127.0.0.1/console", "WXCAST_CONSOLE_SSO_PROVIDER": "oidc",
		"WXCAST_CONSOLE_SSO_URL":       company.URL,
		"WXCAST_CONSOLE_SSO_CLIENT_ID": "wxcast", "WXCAST_CONSOLE_SSO_CLIENT_SECRET": "a secret of the client",
		"WXCAST_CONSOLE_SSO_ROLES":    "ops=operator,boss=approver@default,boss=auditor",
		"WXCAST_CONSOLE_SSO_PEOPLE":   "crm",
		"WXCAST_CONSOLE_REQUIRE_TOTP": "true"}
	var one sync.Mutex // of both stores' tests: they say who signs in to the same issuer
	each(t, env, func(t *testing.T, w *world) {
		one.Lock()
		defer one.Unlock()
		// go through the issuer, and back.
		visit := func(b *browser, change func(url.Values)) (status int, page, to string) {
			return throughCompany(t, b, change)
		}
		han := w.browser()
		company.signsIn(jwt.MapClaims{"sub": "1", "preferred_username": "Han", "groups": []string{"ops", "crm"}})
		if status, page, to := visit(han, nil); status != http.StatusSeeOther || to != "/console/me" {
			t.Fatalf("%d %s\n%s", status, to, page)
		}
		if status, page, _ := han.do(http.MethodGet, "/accounts/default/broadcasts", nil); status != http.StatusOK {
			t.Errorf("%d\n%s", status, page) // and no second factor is asked for: the issuer has its own
		}
		if status, _, _ := han.do(http.MethodGet, "/accounts/default/people", nil); status != http.StatusOK {
			t.Errorf("who is in the group sees no persons: %d", status)
		}
		// Another group, another role, from the next sign-in on.
		company.signsIn(jwt.MapClaims{"sub": "1", "preferred_username": "han", "groups": []string{"boss"}})
		if status, page, _ := visit(han, nil); status != http.StatusSeeOther {
			t.Fatalf("%d %s", status, page)
		}
		if status, _, _ := han.do(http.MethodGet, "/accounts/default/people", nil); status != http.StatusForbidden {
			t.Errorf("who has left the group sees persons: %d", status)
		}
		if status, _, _ := han.do(http.MethodGet, "/accounts/default/audit", nil); status != http.StatusOK {
			t.Errorf("an auditor does not see the log: %d", status)
		}
		ctx := account.As(t.Context(), "tester", "here")
		if _, err := w.house.CreateUser(ctx, account.NewUser{Name: "chief", Roles: []string{"admin"}}); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			claims jwt.MapClaims
			change func(url.Values)
			says   string
		}{
			"in no group": {claims: jwt.MapClaims{"sub": "2", "preferred_username": "li",
				"groups": []string{"staff"}}, says: "none of the groups"},
			"the name of a local": {claims: jwt.MapClaims{"sub": "3", "preferred_username": "chief",
				"groups": []string{"ops"}}, says: "another user chief"},
			"no name": {claims: jwt.MapClaims{"sub": "4", "groups": []string{"ops"}},
				says: "did not let you in"},
			"for another client": {claims: jwt.MapClaims{"sub": "5", "preferred_username": "li", "groups": "ops",
				"aud": "other"}, says: "did not let you in"},
			"over long ago": {claims: jwt.MapClaims{"sub": "5", "preferred_username": "li", "groups": "ops",
				"exp": 1}, says: "did not let you in"},
			"another nonce": {claims: jwt.MapClaims{"sub": "5", "preferred_username": "li", "groups": "ops",
				"nonce": "x"}, says: "did not let you in"},
			"another journey": {claims: jwt.MapClaims{"sub": "5", "preferred_username": "li", "groups": "ops"},
				change: func(q url.Values) { q.Set("state", "x") }, says: "did not let you in"},
			"a code that was not": {claims: jwt.MapClaims{"sub": "5", "preferred_username": "li", "groups": "ops"},
				change: func(q url.Values) { q.Set("code", "x") }, says: "did not let you in"},
			"from another issuer": {claims: jwt.MapClaims{"sub": "5", "preferred_username": "li", "groups": "ops",
				"iss": "https://evil.example"}, says: "did not let you in"},
			"without a word of which": {claims: jwt.MapClaims{"sub": "5", "preferred_username": "li", "groups": "ops"},
				change: func(q url.Values) { q.Del("state") }, says: "did not let you in"},
		} {
			company.signsIn(test.claims)
			status, page, _ := visit(w.browser(), test.change)
			if status < 400 || status >= 500 || !strings.Contains(page, test.says) {
				t.Errorf("%s: %d\n%.1500s", name, status, page)
			}
		}
		if _, err := w.house.DisableUser(ctx, "han"); err != nil {
			t.Fatal(err)
		}
		company.signsIn(jwt.MapClaims{"sub": "1", "preferred_username": "han", "groups": []string{"boss"}})
		if status, page, _ := visit(w.browser(), nil); status != http.StatusConflict {
			t.Errorf("who was shut out comes in: %d\n%s", status, page)
		}
		if i, err := w.house.ResetUser(ctx, "han"); err != nil || i.Link != "" {
			t.Errorf("%+v %v", i, err)
		}
		if status, _, _ := visit(w.browser(), nil); status != http.StatusSeeOther {
			t.Errorf("who was let in again does not come in: %d", status)
		}
	})
}

// The provider is asked with the company's secret: nobody has it asked as often as they like.
func TestStrangersDoNotHaveTheProviderAsked(t *testing.T) {
	p := newWeCom(t)
	each(t, map[string]string{"WXCAST_CONSOLE_URL": "http://127.0.0.1/console", "WXCAST_CONSOLE_SSO_PROVIDER": "wecom",
		"WXCAST_CONSOLE_SSO_URL": p.URL, "WXCAST_CONSOLE_SSO_CLIENT_SECRET": providersSecret,
		"WXCAST_CONSOLE_SSO_ROLES": "everybody=viewer", "WXCAST_CONSOLE_SSO_CLIENT_ID": "ww0123",
		"WXCAST_CONSOLE_SSO_AGENT_ID": "1000002"}, func(t *testing.T, w *world) {
		b, j := w.browser(), base64.RawURLEncoding.EncodeToString([]byte(`{"State":"mine"}`))
		before := p.asked["/cgi-bin/gettoken"]
		for range 100 {
			b.do(http.MethodGet, "/sign-in/company/done?state=mine&code=x", nil, "Cookie", "wxcast-journey="+j)
		}
		if n := p.asked["/cgi-bin/gettoken"] - before; n == 0 || n > 40 {
			t.Errorf("asked %d times for 100 tries, want some twenty", n)
		}
	})
}

// Roles are those of the groups as of the last sign-in, also where none is left, and in whatever order
// the provider tells them.
func TestWhoLosesAllGroupsMayDoNothing(t *testing.T) {
	company := newIssuer(t)
	each(t, map[string]string{"WXCAST_CONSOLE_URL": "http://127.0.0.1/console", "WXCAST_CONSOLE_SSO_PROVIDER": "oidc",
		"WXCAST_CONSOLE_SSO_URL": company.URL, "WXCAST_CONSOLE_SSO_CLIENT_ID": "wxcast",
		"WXCAST_CONSOLE_SSO_CLIENT_SECRET": "a secret of the client",
		"WXCAST_CONSOLE_SSO_ROLES":         "ops=operator,boss=approver,boss=auditor"}, func(t *testing.T, w *world) {
		first, second := w.browser(), w.browser()
		in := func(b *browser, groups ...string) int {
			company.signsIn(jwt.MapClaims{"sub": "1", "preferred_username": "han", "groups": groups})
			status, _, _ := throughCompany(t, b, nil)
			return status
		}
		may := func() int {
			status, _, _ := first.do(http.MethodPost, "/accounts/default/drafts", url.Values{})
			return status
		}
		grants := func() (n int) {
			all, err := w.house.Accounts[0].Audit(account.As(t.Context(), "tester", "here"), 0, 100, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				if e.Action == "grant-user" {
					n++
				}
			}
			return n
		}
		in(first, "ops", "boss")
		before := grants()
		in(first, "boss", "ops")
		if n := grants() - before; n != 0 || may() != http.StatusSeeOther {
			t.Errorf("%d grants for the same groups in another order; then %d", n, may())
		}
		if status := in(second, "none"); status != http.StatusConflict || may() != http.StatusNotFound {
			t.Errorf("%d with no group, and the first session is answered %d", status, may())
		}
	})
}
