package console

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// The cookies: the browser keeps __Host- ones for our host alone, and sends them over TLS
// alone. On this machine itself, without TLS, some browsers keep no such cookie.
const (
	sessionCookie      = "__Host-wxcast"
	localSessionCookie = "wxcast-session"
	langCookie         = "wxcast-language"
)

// local tells whether the browser is on this machine, by the name that it calls us.
func (c *call) local() bool {
	if strings.HasPrefix(c.con.Options.URL, "https:") {
		return false // a proxy may call us by a name of its own
	}
	host, _, err := net.SplitHostPort(c.r.Host)
	if err != nil {
		host = c.r.Host
	}
	return value.OnThisMachine(strings.Trim(host, "[]")) && c.r.TLS == nil
}

// Insecure tells whether the browser reaches us over plain HTTP from another machine, as far as we
// know: then it keeps no session, and signing in would do nothing.
func (c *call) Insecure() bool {
	return !c.local() && c.r.TLS == nil && !strings.HasPrefix(c.con.Options.URL, "https:") &&
		!strings.EqualFold(c.r.Header.Get("X-Forwarded-Proto"), "https")
}

func (c *call) cookieName() string {
	if c.local() {
		return localSessionCookie
	}
	return sessionCookie
}

// cookie is the session's token that the browser sent; "" for none.
func (c *call) cookie() string {
	cookie, err := c.r.Cookie(c.cookieName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (c *call) setCookie(token string, life time.Duration) {
	http.SetCookie(c.w, &http.Cookie{Name: c.cookieName(), Value: token, Path: "/", HttpOnly: true,
		Secure: !c.local(), SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds())})
}

func urlQuery(s string) string { return url.QueryEscape(s) }

// next is where the user wanted to go: only a place of ours.
func (c *call) next() string {
	next := c.Query("next")
	if u, err := url.Parse(next); err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// Next is where the user wanted to go.
func (c *call) Next() string { return c.next() }

// carried stands before the names of the fields to sign in where a form sends others on.
const carried = "sign-in-"

// signInView is the page where one signs in. Where a session ended before a form was sent, Carry
// is what it sent, and To where: to sign in sends it on.
type signInView struct {
	Any    bool
	Prefix string // of the names of its fields
	To     string
	Carry  url.Values
}

func (c *call) signInPage() error { return c.signInWith(nil) }

func (c *call) signInWith(carry url.Values) error {
	any, err := c.con.House.Users.Store.AnyUsers(c.r.Context())
	if err != nil {
		return err
	}
	v := signInView{Any: any, To: c.URL("/sign-in")}
	if carry != nil {
		v.Prefix, v.To, v.Carry = carried, c.URL(c.r.URL.RequestURI()), carry
	}
	if carry != nil {
		return c.write(http.StatusUnauthorized, "signin", "frame", v)
	}
	return c.show("signin", v)
}

func (c *call) proof(prefix string) access.Proof {
	return access.Proof{Name: strings.ToLower(strings.TrimSpace(c.Value(prefix + "name"))),
		Password: c.Value(prefix + "password"), Code: c.Value(prefix + "code"), Address: c.address(),
		Agent: c.r.UserAgent()}
}

// signIn lets a user in.
func (c *call) signIn() error {
	if err := c.enter(""); err != nil {
		return err
	}
	return c.to(c.URL(c.next()), "")
}

// again is for a form whose session has ended: nothing of it is lost but its files. It is shown
// where one signs in, and sent on from there.
func (c *call) again() (in bool, err error) {
	if err := c.r.ParseMultipartForm(formMax); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return false, c.to(c.URL("/sign-in"), "")
	}
	carry := url.Values{}
	for name, values := range c.r.PostForm {
		if !strings.HasPrefix(name, carried) {
			carry[name] = values
		}
	}
	if c.r.PostForm.Has(carried + "password") {
		err := c.enter(carried)
		if err == nil {
			return true, nil
		}
		if status(err) >= http.StatusInternalServerError {
			return false, err
		}
		c.Mistake = c.reason(err)
	} else {
		c.Mistake = c.T("console.session_ended") + " " + c.T("console.sent_on")
	}
	return false, c.signInWith(carry)
}

// enter begins a session of who shows who they are. Who is not let in is told the same whatever
// was wrong.
func (c *call) enter(prefix string) error {
	house := c.con.House
	token, u, why, err := house.Users.SignIn(c.r.Context(), c.proof(prefix))
	if err != nil {
		return err
	}
	if why != access.SignedIn {
		if c.con.Refused != nil {
			c.con.Refused(c.r, why.String(), c.address())
		}
		if why == access.WrongProof { // who is locked out has their lines already
			house.Tried(c.r.Context(), u, c.address(), "refused")
		}
	}
	wrong := func(code string) error { return &wxcast.BadInput{Problem: wxcast.Say(code)} }
	switch why {
	case access.TooOften:
		c.w.Header().Set("Retry-After", "5")
		return wrong("console.too_often")
	case access.WrongUser, access.WrongProof, access.LockedOut: // which, is for nobody to know
		return wrong("console.wrong_proof")
	}
	house.Tried(c.r.Context(), u, c.address(), "done")
	c.setCookie(token, house.Users.SessionLife)
	c.token = token
	return nil
}

func (c *call) signOut() error {
	if err := c.con.House.Users.Store.EndUserSession(c.r.Context(), c.User.ID, c.Session.ID); err != nil {
		return err
	}
	c.setCookie("", -time.Second)
	return c.to(c.URL("/sign-in"), "")
}

func (c *call) changeLanguage() error {
	lang, ok := text.Parse(c.Value("lang"))
	if !ok {
		return errNoPage
	}
	http.SetCookie(c.w, &http.Cookie{Name: langCookie, Value: string(lang), Path: "/", HttpOnly: true,
		Secure: !c.local(), SameSite: http.SameSiteLaxMode, MaxAge: 365 * 24 * 3600})
	return c.to(c.URL(c.next()), "")
}

// invited is whom the link of the address is for.
func (c *call) invited() (wxcast.User, error) {
	u, found, why, err := c.con.House.Users.Invited(c.r.Context(), c.r.PathValue("link"), c.address())
	switch {
	case err != nil:
		return u, err
	case why == access.TooOften:
		return u, &wxcast.BadInput{Problem: wxcast.Say("console.too_often")}
	case !found:
		if c.con.Refused != nil {
			c.con.Refused(c.r, "wrong link", c.address())
		}
		return u, errNoLink
	}
	return u, nil
}

type invitationView struct {
	Name, Secret string
	QR           qrCode
	Required     bool // a second factor is
	Least        int  // characters of a password
}

// secondFactor is one that is offered: the form sends it back, with a code of it.
func (c *call) secondFactor(name string) (secret string, qr qrCode) {
	secret = c.Value("secret")
	if len(secret) != len(access.NewTOTP()) || strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		secret = access.NewTOTP()
	}
	return secret, newQR(access.TOTPURL(secret, name, "wxcast"))
}

// invitationPage asks for a password. To look at it uses nothing up: programs look at links, too.
func (c *call) invitationPage() error {
	u, err := c.invited()
	if err != nil {
		return err
	}
	v := invitationView{Name: u.Name, Required: c.con.House.Users.Policy.TOTPRequired, Least: access.PasswordMin}
	v.Secret, v.QR = c.secondFactor(u.Name)
	return c.show("invitation", v)
}

func (c *call) acceptInvitation() error {
	u, err := c.invited()
	if err != nil {
		return err
	}
	p, secret := c.proof(""), ""
	if p.Code != "" || c.con.House.Users.Policy.TOTPRequired {
		secret, _ = c.secondFactor(u.Name)
	}
	var token string
	used := false
	err = c.con.House.OwnChange(c.ctxOf(u), u, "choose-password", func() (err error) {
		token, used, err = c.con.House.Users.Choose(c.r.Context(), u, c.r.PathValue("link"), secret, p)
		return err
	})
	if err != nil {
		return err
	}
	if !used {
		return errNoLink
	}
	c.setCookie(token, c.con.House.Users.SessionLife)
	return c.to(c.URL("/"), "")
}
