package console

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	journeyCookie = "__Host-wxcast-journey"
	journeyLife   = 10 * time.Minute
)

// newProvider is the company's own sign-in; nil for none.
func newProvider(c config.Console) access.Provider {
	client := access.Client{ID: c.SSO.ClientID, Secret: c.SSO.ClientSecret, Redirect: c.URL + "/sign-in/company/done"}
	departments := access.NamesDepartment(append(slices.Collect(maps.Keys(c.SSO.Roles)), c.SSO.People...))
	switch c.SSO.Provider {
	case config.ProviderOIDC:
		return &access.OIDC{Client: client, Issuer: c.SSO.URL, NameClaim: c.SSO.NameClaim, GroupsClaim: c.SSO.GroupsClaim}
	case config.ProviderWeCom:
		return &access.WeCom{Client: client, AgentID: c.SSO.AgentID, API: c.SSO.URL, SignIn: c.SSO.URL,
			Departments: departments}
	case config.ProviderFeishu:
		return &access.Feishu{Client: client, API: c.SSO.URL, SignIn: c.SSO.URL, Departments: departments}
	}
	return nil
}

// Company tells whether users sign in by the company's account, too.
func (c *call) Company() bool { return c.con.company != nil }

// journey is what the browser keeps while its user is at the provider.
type journey struct {
	access.Journey
	Next string
}

// companySignIn leads to the provider.
func (c *call) companySignIn() error {
	if !c.Company() {
		return errNoPage
	}
	address, j, err := c.con.company.Begin(c.r.Context(), c.r.UserAgent())
	if err != nil {
		return c.companyFailed(err)
	}
	raw, err := json.Marshal(journey{j, c.next()})
	if err != nil {
		return err
	}
	c.keepJourney(base64.RawURLEncoding.EncodeToString(raw), journeyLife)
	http.Redirect(c.w, c.r, address, http.StatusSeeOther)
	return nil
}

// keepJourney keeps a journey in the browser. It comes back from another site by a link, so the
// cookie is Lax.
func (c *call) keepJourney(value string, life time.Duration) {
	name := journeyCookie
	if c.local() {
		name = "wxcast-journey"
	}
	http.SetCookie(c.w, &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: !c.local(),
		SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds())})
}

// companySignedIn lets in whom the provider vouches for.
func (c *call) companySignedIn() error {
	if !c.Company() {
		return errNoPage
	}
	house := c.con.House
	if !house.Users.MayTry(c.address()) { // the provider is asked with the company's secret
		c.w.Header().Set("Retry-After", "5")
		return &wxcast.BadInput{Problem: wxcast.Say("console.too_often")}
	}
	name := journeyCookie
	if c.local() {
		name = "wxcast-journey"
	}
	var j journey
	if cookie, err := c.r.Cookie(name); err == nil {
		raw, _ := base64.RawURLEncoding.DecodeString(cookie.Value) // what is no journey is none of ours
		_ = json.Unmarshal(raw, &j)
	}
	c.keepJourney("", -time.Second)
	p, err := c.con.company.End(c.r.Context(), j.Journey, c.Query("state"), c.Query("code"))
	if err != nil {
		return c.companyFailed(err)
	}
	u, err := house.Provision(c.ctxOf(wxcast.User{Name: p.Name}), p)
	if err != nil {
		house.Tried(c.r.Context(), u, c.address(), "refused")
		return err
	}
	token, err := house.Users.Begin(c.r.Context(), u, c.address(), c.r.UserAgent())
	if err != nil {
		return err
	}
	house.Tried(c.r.Context(), u, c.address(), "done")
	c.setCookie(token, house.Users.SessionLife)
	c.r.Form.Set("next", j.Next) // where they wanted to go, looked at as from an address
	return c.to(c.URL(c.next()), "")
}

// companyFailed tells that the provider let nobody in. Why is for the log: it may be anything.
func (c *call) companyFailed(err error) error {
	c.con.Log.WarnContext(c.r.Context(), "a sign-in by the company's account failed", "err", err, "from", c.address())
	if c.con.Refused != nil {
		c.con.Refused(c.r, "issuer", c.address())
	}
	return &wxcast.BadInput{Problem: wxcast.Say("console.company_failed")}
}
