package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// call is one request, and who makes it. Pages are written with it: its methods are what they
// say and where they lead.
type call struct {
	con     *Console
	w       http.ResponseWriter
	r       *http.Request
	Lang    text.Lang
	User    wxcast.User        // the zero one where nobody has signed in
	Session wxcast.UserSession // theirs
	token   string             // the session's
	Account *account.Account   // that the page is about; nil for the house
	Mistake string             // what was wrong with what a form sent
	// patience is until when the page waits for what takes long to count.
	patience time.Time
}

// ctx is the request's context, with who asks for what is done with it.
func (c *call) ctx() context.Context {
	ctx := account.AsUser(c.r.Context(), c.User.Name, c.address())
	if !c.May(access.RightPeople) {
		ctx = account.Masked(ctx)
	}
	return ctx
}

func (c *call) address() string { return c.con.Address(c.r) }

// T says the sentence of a code.
func (c *call) T(code string, pairs ...any) string { return c.Lang.T(code, pairs...) }

// Say says a sentence.
func (c *call) Say(s wxcast.Sentence) string { return c.Lang.Say(s) }

// LangTag is the page's language, for the browser.
func (c *call) LangTag() string {
	if c.Lang == text.Chinese {
		return "zh-CN"
	}
	return "en"
}

// May tells whether the user may do something in the page's account, or in the house.
func (c *call) May(right access.Right) bool { return c.con.House.May(c.User, c.Account, right) }

// MayDo is May for pages.
func (c *call) MayDo(right string) bool { return c.May(access.Right(right)) }

// MayIn tells whether the user may do something in an account.
func (c *call) MayIn(a *account.Account, right access.Right) bool {
	return c.con.House.May(c.User, a, right)
}

// Accounts are those that the user may look at.
func (c *call) Accounts() (all []*account.Account) {
	for _, a := range c.con.House.Accounts {
		if c.MayIn(a, access.RightRead) {
			all = append(all, a)
		}
	}
	return all
}

// URL is an address of the console's, under the proxy's prefix.
func (c *call) URL(path string) string { return c.con.prefix + path }

// Asset is the address of a file that pages load.
func (c *call) Asset(name string) string { return c.URL("/static/" + c.con.assets.hash + "/" + name) }

// Of is an address within the page's account.
func (c *call) Of(path string) string { return c.InAccount(c.Account.Name(), path) }

// InAccount is an address within an account.
func (c *call) InAccount(name, path string) string {
	return c.con.prefix + "/accounts/" + url.PathEscape(name) + path
}

// Here tells whether the page is the one at an address, or below it.
func (c *call) Here(address string) bool {
	here := c.con.prefix + c.r.URL.Path
	return here == address || address != c.con.prefix+"/" && strings.HasPrefix(here, address+"/")
}

// Path is where the page is, to come back to.
func (c *call) Path() string { return c.r.URL.RequestURI() }

// Value is what a form sent, to be shown again beside what was wrong with it.
func (c *call) Value(name string) string { return c.r.PostFormValue(name) }

// Sent tells whether a form sent one of several values, to be ticked again beside what was wrong.
func (c *call) Sent(name string, value any) bool {
	_ = c.r.PostFormValue(name) // which reads the form
	return slices.Contains(c.r.PostForm[name], toString(value))
}

// Query is a value of the address.
func (c *call) Query(name string) string { return c.r.FormValue(name) }

// Count writes a number with its thousands apart.
func (c *call) Count(n int64) string { return text.Count(n) }

// Minute writes a time in Beijing.
func (c *call) Minute(t time.Time) string { return c.Lang.Minute(t) }

// Second writes a time in Beijing with its seconds.
func (c *call) Second(t time.Time) string {
	if t.IsZero() {
		return c.Lang.Minute(t)
	}
	return t.In(wxcast.Beijing).Format(time.DateTime)
}

// State says a state.
func (c *call) State(state any) string { return c.T("state." + toString(state)) }

// Percent is a share of a whole, with one digit.
func (c *call) Percent(n, of int64) string {
	if of == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(n)/float64(of), 'f', 1, 64) + " %"
}

// reason says why an error is one, and what to do about it.
func (c *call) reason(err error) string {
	said := c.Lang.Error(err, text.Console, nil)
	if advice := account.Advice(err); !advice.IsZero() {
		said += "\n" + c.Say(advice)
	}
	return said
}

// id is the number in the address.
func (c *call) id() (int64, error) {
	id, err := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, errNoPage
	}
	return id, nil
}

// to leads the browser to another page after a change, which says that it is done.
func (c *call) to(address, done string) error {
	if done != "" {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + "done=" + url.QueryEscape(done)
	}
	http.Redirect(c.w, c.r, address, http.StatusSeeOther)
	return nil
}

// Done says what the last change did; "" for nothing.
func (c *call) Done() string {
	done := c.r.URL.Query().Get("done")
	if _, ok := c.Lang.Lookup("console.done_" + done); !ok || done == "" {
		return ""
	}
	return c.T("console.done_" + done)
}

// errNoPage: there is nothing at the address.
var errNoPage = &account.NotFound{SaidError: *wxcast.NewError("console.no_page")}

// errForbidden: the user lacks the right.
var errForbidden = wxcast.NewError("console.forbidden")

// status is an error's, of HTTP.
func status(err error) int {
	var bad *wxcast.BadInput
	var missing *account.NotFound
	var conflict *account.Conflict
	switch {
	case errors.As(err, &bad):
		return http.StatusUnprocessableEntity
	case errors.As(err, &missing):
		return http.StatusNotFound
	case errors.As(err, &conflict):
		return http.StatusConflict
	case errors.Is(err, errForbidden):
		return http.StatusForbidden
	case errors.Is(err, store.ErrUnreachable):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

var (
	// errBroken: what went wrong is in the log, and not for strangers.
	errBroken = wxcast.NewError("console.broken")
	// errNoLink: a one-time link was used, or is over.
	errNoLink = &account.NotFound{SaidError: *wxcast.NewError("console.no_link")}
)

// MayHouse tells whether the user may do something that is of no account.
func (c *call) MayHouse(right string) bool { return c.con.House.May(c.User, nil, access.Right(right)) }

// OtherLang is the language that the page is not in.
func (c *call) OtherLang() string {
	if c.Lang == text.Chinese {
		return string(text.English)
	}
	return string(text.Chinese)
}

// OtherLangName is how that language calls itself.
func (c *call) OtherLangName() string {
	if c.Lang == text.Chinese {
		return "English"
	}
	return "中文"
}

// C is the call itself, for the parts of pages.
func (c *call) C() *call { return c }

// Share is a share of a whole, of 100.
func (c *call) Share(n, of int64) int64 {
	if of <= 0 {
		return 0
	}
	return min(100, 100*n/of)
}

// menuItem is a place in an account.
type menuItem struct {
	Path, Code string
	right      access.Right
}

var menu = []menuItem{
	{"/broadcasts", "console.broadcasts", access.RightRead},
	{"/people", "console.people", access.RightPeople},
	{"/templates", "console.templates", access.RightRead},
	{"/presets", "console.presets", access.RightRead},
	{"/permits", "console.permits", access.RightRead},
	{"/sync", "console.sync", access.RightRead},
	{"/jobs", "console.jobs", access.RightRead},
	{"/reports", "console.reports", access.RightRead},
	{"/events", "console.events", access.RightPeople},
	{"/systems", "console.systems", access.RightRead},
	{"/doctor", "console.doctor", access.RightRead},
	{"/keys", "console.keys", access.RightKeys},
	{"/audit", "console.audit", access.RightAudit},
}

// Menu are the places in an account that are open to the user.
func (c *call) Menu(a *account.Account) (all []menuItem) {
	for _, item := range menu {
		if c.MayIn(a, item.right) {
			all = append(all, item)
		}
	}
	return all
}

// OutReason is why people are not in an audience.
func (c *call) OutReason(reason string) string { return c.Say(account.OutReason(reason)) }
