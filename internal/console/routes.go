package console

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
)

// route is something that a user can see or do.
type route struct {
	method, path string
	// right is what the user needs, in the path's account or else in the house; "" is that they
	// have signed in.
	right access.Right
	do    func(*call) error
	// back shows the page again on which a form stood, with what was wrong with it.
	back func(*call) error
	// watches: a page asks by itself, and nobody need be there.
	watches bool
	// long: it may take minutes. file: and a file comes with it.
	long, file bool
}

// table is all that the console can show and do, and who may: docs/console.md has the same.
func (c *Console) table() []route {
	get := func(path string, right access.Right, do func(*call) error) route {
		return route{method: http.MethodGet, path: path, right: right, do: do}
	}
	post := func(path string, right access.Right, do, back func(*call) error) route {
		return route{method: http.MethodPost, path: path, right: right, do: do, back: back}
	}
	watch := func(path string, right access.Right, do func(*call) error) route {
		return route{method: http.MethodGet, path: path, right: right, do: do, watches: true}
	}
	upload := func(path string, right access.Right, do, back func(*call) error) route {
		return route{method: http.MethodPost, path: path, right: right, do: do, back: back, long: true, file: true}
	}
	slowly := func(path string, right access.Right, do, back func(*call) error) route {
		return route{method: http.MethodPost, path: path, right: right, do: do, back: back, long: true}
	}
	download := func(path string, right access.Right, do func(*call) error) route {
		return route{method: http.MethodGet, path: path, right: right, do: do, long: true}
	}
	const of = "/accounts/{account}"
	return []route{
		get("/{$}", "", (*call).overview),
		watch("/overview", "", (*call).overviewLive),
		get("/me", "", (*call).profile),
		post("/me/password", "", (*call).changePassword, (*call).profile),
		post("/me/totp", "", (*call).changeTOTP, (*call).profile),
		post("/me/sessions/end", "", (*call).endSessions, (*call).profile),
		post("/sign-out", "", (*call).signOut, nil),

		get("/users", access.RightUsers, (*call).users),
		post("/users", access.RightUsers, (*call).createUser, (*call).users),
		post("/users/{name}/grant", access.RightUsers, (*call).grantUser, (*call).users),
		post("/users/{name}/disable", access.RightUsers, (*call).disableUser, (*call).users),
		post("/users/{name}/reset", access.RightUsers, (*call).resetUser, (*call).users),

		get(of+"/broadcasts", access.RightRead, (*call).broadcasts),
		post(of+"/drafts", access.RightSend, (*call).newDraft, (*call).broadcasts),
		get(of+"/drafts/{id}/{step}", access.RightSend, (*call).draft),
		post(of+"/drafts/{id}/{step}", access.RightSend, (*call).saveDraft, (*call).draftBack),
		post(of+"/drafts/{id}/{step}/card", access.RightSend, (*call).draftCard, nil),
		slowly(of+"/drafts/{id}/{step}/count", access.RightSend, (*call).draftCount, nil),
		upload(of+"/drafts/{id}/file", access.RightSend, (*call).draftFile, (*call).draftAudience),
		download(of+"/drafts/{id}/preview", access.RightSend, (*call).draftPreview),
		post(of+"/drafts/{id}/test", access.RightSend, (*call).testDraft, nil),
		slowly(of+"/drafts/{id}/submit", access.RightSend, (*call).submitDraft, (*call).draftCheck),
		watch(of+"/testers", access.RightSend, (*call).testers),
		post(of+"/testers", access.RightPeople, (*call).addTester, nil),
		post(of+"/testers/code", access.RightSend, (*call).testerCode, nil),
		post(of+"/testers/remove", access.RightPeople, (*call).removeTester, nil),
		post(of+"/drafts/{id}/remove", access.RightSend, (*call).removeDraft, (*call).broadcasts),
		post(of+"/broadcasts/{id}/ask", access.RightSend, (*call).askApproval, (*call).broadcast),
		post(of+"/broadcasts/{id}/approve", access.RightApprove, (*call).approve, (*call).broadcast),
		post(of+"/broadcasts/{id}/refuse", access.RightApprove, (*call).refuse, (*call).broadcast),
		post(of+"/broadcasts/{id}/schedule", access.RightSend, (*call).scheduleBroadcast, (*call).broadcast),
		get(of+"/broadcasts/{id}", access.RightRead, (*call).broadcast),
		watch(of+"/broadcasts/{id}/live", access.RightRead, (*call).broadcastLive),
		post(of+"/broadcasts/{id}/start", access.RightSend, (*call).startBroadcast, (*call).broadcast),
		post(of+"/broadcasts/{id}/pause", access.RightSend, (*call).pauseBroadcast, (*call).broadcast),
		post(of+"/broadcasts/{id}/resume", access.RightSend, (*call).resumeBroadcast, (*call).broadcast),
		post(of+"/broadcasts/{id}/canary", access.RightSend, (*call).releaseCanary, (*call).broadcast),
		post(of+"/broadcasts/{id}/cancel", access.RightSend, (*call).cancelBroadcast, (*call).broadcast),
		post(of+"/broadcasts/{id}/steer", access.RightSend, (*call).steerBroadcast, (*call).broadcast),
		post(of+"/broadcasts/{id}/retry", access.RightSend, (*call).retryBroadcast, (*call).broadcast),
		get(of+"/broadcasts/{id}/people", access.RightPeople, (*call).deliveries),
		download(of+"/broadcasts/{id}/export", access.RightPeople, (*call).exportDeliveries),

		get(of+"/people", access.RightPeople, (*call).people),
		get(of+"/people/{id}", access.RightPeople, (*call).personPage),
		post(of+"/people/{id}/opt-out", access.RightPeople, (*call).optOut, (*call).personPage),
		post(of+"/people/{id}/opt-in", access.RightPeople, (*call).optIn, (*call).personPage),
		post(of+"/people/{id}/forget", access.RightForget, (*call).forget, (*call).personPage),
		download(of+"/followers/export", access.RightPeople, (*call).exportFollowers),
		download(of+"/optouts/export", access.RightPeople, (*call).exportOptOuts),

		get(of+"/templates", access.RightRead, (*call).templates),
		get(of+"/presets", access.RightRead, (*call).presets),
		upload(of+"/presets", access.RightSend, (*call).putPreset, (*call).presets),
		get(of+"/presets/{name}", access.RightRead, (*call).preset),
		post(of+"/presets/{name}/remove", access.RightSend, (*call).removePreset, (*call).preset),

		get(of+"/permits", access.RightRead, (*call).permits),
		upload(of+"/permits", access.RightSync, (*call).importPermits, (*call).permits),
		download(of+"/permits/export", access.RightPeople, (*call).exportPermits),
		get(of+"/sync", access.RightRead, (*call).sync),
		upload(of+"/mini-users", access.RightSync, (*call).importMiniUsers, (*call).sync),
		get(of+"/jobs", access.RightRead, (*call).jobs),
		post(of+"/jobs/{job}", access.RightSync, (*call).startJob, (*call).jobs),
		get(of+"/reports", access.RightRead, (*call).reports),
		get(of+"/compare", access.RightRead, (*call).compare),
		get(of+"/events", access.RightPeople, (*call).events),
		get(of+"/reports/{day}", access.RightRead, (*call).report),
		get(of+"/systems", access.RightRead, (*call).systems),
		post(of+"/systems/{name}/resume", access.RightSync, (*call).resumeWebhook, (*call).systems),
		post(of+"/systems/{name}/test", access.RightSync, (*call).testWebhook, (*call).systems),
		get(of+"/doctor", access.RightRead, (*call).doctor),
		download(of+"/doctor/checks", access.RightRead, (*call).doctorChecks),
		get(of+"/keys", access.RightKeys, (*call).keys),
		post(of+"/keys", access.RightKeys, (*call).createKey, (*call).keys),
		post(of+"/keys/{name}/revoke", access.RightKeys, (*call).revokeKey, (*call).keys),
		get(of+"/audit", access.RightAudit, (*call).audit),
		post(of+"/audit/verify", access.RightAudit, (*call).verifyAudit, (*call).audit),
	}
}

// Route is something that a user can see or do, as docs/console.md has it.
type Route struct {
	Method, Path string
	Right        access.Right // "": whoever has signed in
}

// Routes are all of them.
func (c *Console) Routes() (all []Route) {
	for _, r := range c.table() {
		all = append(all, Route{r.method, strings.TrimSuffix(r.path, "{$}"), r.right})
	}
	return all
}

// pageWithin is how long a page may take, and fileWithin one with a file.
const (
	pageWithin = 10 * time.Second
	fileWithin = 10 * time.Minute
	// formMax bounds what a form sends, and fileMax one with a file.
	formMax = 1 << 20
	fileMax = 256 << 20
)

func (c *Console) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /static/{hash}/{name}", c.assets.serve)
	for _, r := range []route{
		{method: http.MethodGet, path: "/sign-in", do: (*call).signInPage},
		{method: http.MethodPost, path: "/sign-in", do: (*call).signIn, back: (*call).signInPage},
		{method: http.MethodGet, path: "/sign-in/company", do: (*call).companySignIn},
		{method: http.MethodGet, path: "/sign-in/company/done", do: (*call).companySignedIn},
		{method: http.MethodGet, path: "/invitation/{link}", do: (*call).invitationPage},
		{method: http.MethodPost, path: "/invitation/{link}", do: (*call).acceptInvitation,
			back: (*call).invitationPage},
		{method: http.MethodPost, path: "/language", do: (*call).changeLanguage},
	} {
		mux.HandleFunc(r.method+" "+r.path, c.open(r, (*call).anybody))
	}
	for _, r := range c.table() {
		mux.HandleFunc(r.method+" "+r.path, c.open(r, (*call).letIn))
	}
	mux.HandleFunc("/", c.open(route{do: func(*call) error { return errNoPage }}, (*call).letIn))
}

// open makes a handler of a route. letIn says whether the caller may come in; where not, it has
// answered.
func (c *Console) open(to route, letIn func(*call, route) (bool, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		ctx, cancel := context.WithTimeout(r.Context(), pageWithin)
		defer cancel()
		r.Body = http.MaxBytesReader(w, body, formMax)
		one := &call{con: c, w: w, r: r.WithContext(ctx), Lang: langOf(r), patience: time.Now().Add(slowWait)}
		defer one.survive(to)
		defer one.dropFiles()
		in, err := letIn(one, to)
		if err == nil && in && to.long { // of nobody but who may
			long, cancel := context.WithTimeout(r.Context(), fileWithin)
			defer cancel()
			one.r = one.r.WithContext(long)
			deadline := time.Now().Add(fileWithin)
			control := http.NewResponseController(w)
			// Where a connection has no deadlines there is nothing to move.
			_ = control.SetReadDeadline(deadline)
			_ = control.SetWriteDeadline(deadline)
			if to.file {
				one.r.Body = http.MaxBytesReader(w, body, fileMax)
			}
		}
		if err == nil && in {
			err = to.do(one)
		}
		if err != nil {
			one.fail(to, err)
		}
	}
}

// dropFiles removes what was uploaded. The server does so for its own request alone, of which the call's is
// a copy.
func (c *call) dropFiles() {
	if c.r.MultipartForm != nil {
		if err := c.r.MultipartForm.RemoveAll(); err != nil {
			c.con.Log.WarnContext(c.r.Context(), "an uploaded file was not removed", "err", err)
		}
	}
}

// survive notes a page that panics, which is a mistake in the program; the others go on.
func (c *call) survive(to route) {
	switch why := recover(); why {
	case nil:
	case http.ErrAbortHandler:
		panic(why)
	default:
		c.con.Log.ErrorContext(c.r.Context(), "a page panicked", "path", to.path, "why", why, "stack",
			string(debug.Stack()))
		panic(http.ErrAbortHandler)
	}
}

// fail shows what went wrong: on the page whose form was sent, or on one of its own.
func (c *call) fail(to route, err error) {
	code := status(err)
	if code == http.StatusInternalServerError || code == http.StatusServiceUnavailable {
		c.con.Log.ErrorContext(c.r.Context(), "a page failed", "path", to.path, "err", err)
	}
	if code == http.StatusInternalServerError {
		err = errBroken
	}
	c.Mistake = c.reason(err)
	if to.back != nil && code < http.StatusInternalServerError && code != http.StatusForbidden &&
		code != http.StatusNotFound {
		if to.back(c) == nil {
			return
		}
	}
	page := "error"
	if c.User.ID == 0 {
		page = "doorerror"
	}
	if err := c.write(code, page, "frame", nil); err != nil {
		c.con.Log.ErrorContext(c.r.Context(), "the page of an error failed", "err", err)
		http.Error(c.w, http.StatusText(code), code)
	}
}

// anybody lets everybody in.
func (c *call) anybody(route) (bool, error) { return true, nil }

// letIn lets those in who have signed in and have the route's right in its account. Who has not
// is led to the page where they can, and back.
func (c *call) letIn(to route) (bool, error) {
	c.token = c.cookie()
	var found bool
	var err error
	if c.User, c.Session, found, err = c.con.House.Users.Session(c.r.Context(), c.token, !to.watches); err != nil {
		return false, err
	}
	if !found {
		in, err := c.askToSignIn(to)
		if err != nil || !in {
			return false, err
		}
		if c.User, c.Session, found, err = c.con.House.Users.Session(c.r.Context(), c.token, true); err != nil ||
			!found {
			return false, err
		}
	}
	if c.con.House.Users.Policy.TOTPRequired && !c.User.TOTP && !c.User.Federated && !strings.HasPrefix(c.r.URL.Path,
		"/me") &&
		to.path != "/sign-out" {
		return false, c.to(c.URL("/me"), "")
	}
	if name := c.r.PathValue("account"); name != "" {
		// One that the user may not look at is as if it were not there.
		if c.Account = c.con.House.Account(name); c.Account == nil || !c.May(access.RightRead) {
			c.Account = nil
			return false, errNoPage
		}
	}
	if to.right != "" && !c.May(to.right) {
		if c.Account != nil {
			if err := c.noteRefused(to); err != nil {
				return false, err
			}
		}
		return false, errForbidden
	}
	return true, nil
}

// refusedKept is how long a refusal stands for others of the same: who asks all day fills no log.
const refusedKept = time.Minute

type refusedKey struct {
	account, user int64
	what          string
}

// noteRefused writes down that the user was refused what the route does.
func (c *call) noteRefused(to route) error {
	key := refusedKey{c.Account.ID, c.User.ID, to.method + " " + to.path}
	if _, noted := c.con.refusals.get(key, time.Now()); noted {
		return nil
	}
	err := c.Account.Refused(c.ctx(), account.UserActor(c.User.Name), c.address(), key.what)
	if err == nil {
		c.con.refusals.put(key, struct{}{}, time.Now())
	}
	return err
}

// askToSignIn leads to the page where one signs in; a page that watches is told. A form that was
// sent may bring who they are with it.
func (c *call) askToSignIn(to route) (in bool, err error) {
	if to.watches || c.r.Header.Get("HX-Request") != "" {
		c.w.WriteHeader(http.StatusUnauthorized)
		return false, nil
	}
	if c.r.Method == http.MethodPost && to.path != "/sign-out" {
		return c.again()
	}
	address := c.URL("/sign-in")
	if c.r.Method == http.MethodGet && c.r.URL.Path != "/" {
		address += "?next=" + urlQuery(c.r.URL.RequestURI())
	}
	http.Redirect(c.w, c.r, address, http.StatusSeeOther)
	return false, nil
}

// langOf is the language that the user has chosen, or the browser's.
func langOf(r *http.Request) text.Lang {
	if cookie, err := r.Cookie(langCookie); err == nil {
		if lang, ok := text.Parse(cookie.Value); ok {
			return lang
		}
	}
	return text.OfRequest(r)
}
