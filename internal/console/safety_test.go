package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestSignInIsSafe(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		b := w.browser()
		if _, page, _ := b.do(http.MethodGet, "/sign-in", nil); !strings.Contains(page, "wxcast user create") {
			t.Error("without a user the page does not say how to make one")
		}
		han := w.as("han", false, "viewer")
		sign := func(b *browser, name, password, code string) (int, string) {
			status, page, _ := b.do(http.MethodPost, "/sign-in",
				url.Values{"name": {name}, "password": {password}, "code": {code}, "next": {"/users"}})
			return status, page
		}
		// A stranger is told the same of a user and of nobody.
		b.address = "2"
		_, known := sign(b, "han", "wrong wrong wrong", "")
		_, unknown := sign(b, "nobody", "wrong wrong wrong", "")
		mistake := regexp.MustCompile(`(?s)role="alert">([^<]*)<`)
		if got, want := mistake.FindString(known), mistake.FindString(unknown); got != want || got == "" {
			t.Errorf("%q, %q", got, want)
		}
		// A session that somebody else has put into the browser is not taken over.
		u, _ := url.Parse(w.url)
		fixed := &http.Cookie{Name: "wxcast-session", Value: "wxs_AAAAAAAAAAAAAAAAAAAAAAAAAA", Path: "/"}
		b.Jar.SetCookies(u, []*http.Cookie{fixed})
		if status, page := sign(b, "HAN", password, ""); status != http.StatusSeeOther {
			t.Fatalf("%d %s", status, page)
		}
		for _, c := range b.Jar.Cookies(u) {
			if c.Value == fixed.Value {
				t.Error("the session is the one that was there before")
			}
		}
		if status, _, _ := han.do(http.MethodPost, "/me/totp", url.Values{}); status != http.StatusUnprocessableEntity {
			t.Errorf("a second factor without the password: %d", status)
		}
		// A second factor is good once, and then asked for.
		_, page, _ := han.do(http.MethodGet, "/me", nil)
		secret := regexp.MustCompile(`name="secret" value="([A-Z2-7]{32})"`).FindStringSubmatch(page)[1]
		code, _ := totp.GenerateCode(secret, time.Now())
		if status, _, _ := han.do(http.MethodPost, "/me/totp", url.Values{"secret": {secret}, "code": {"000000"},
			"old_password": {password}}); status !=
			http.StatusUnprocessableEntity {
			t.Errorf("a wrong code sets up a second factor: %d", status)
		}
		if status, page, _ := han.do(http.MethodPost, "/me/totp", url.Values{"secret": {secret}, "code": {code},
			"old_password": {password}}); status !=
			http.StatusSeeOther {
			t.Fatalf("%d %s", status, page)
		}
		if status, _, to := b.do(http.MethodGet, "/me", nil); status != http.StatusSeeOther || !strings.HasPrefix(to,
			"/sign-in") {
			t.Errorf("the other session goes on: %d %s", status, to)
		}
		b.address = "3"
		if status, _ := sign(b, "han", password, ""); status != http.StatusUnprocessableEntity {
			t.Errorf("let in without a second factor: %d", status)
		}
		if status, _ := sign(b, "han", password, code); status != http.StatusUnprocessableEntity {
			t.Errorf("let in with a code that was used: %d", status)
		}
		code, _ = totp.GenerateCode(secret, time.Now().Add(30*time.Second))
		if status, page := sign(b, "han", password, code); status != http.StatusSeeOther {
			t.Errorf("%d %s", status, page)
		}
		// Who guesses waits, whatever address they come from, and with the right password, too.
		for n := range 8 {
			b.address = string(rune('a' + n))
			sign(b, "han", "guess number "+b.address, "")
		}
		b.address = "z"
		code, _ = totp.GenerateCode(secret, time.Now().Add(30*time.Second))
		if status, _ := sign(b, "han", password, code); status != http.StatusUnprocessableEntity {
			t.Errorf("who guessed does not wait: %d", status)
		}
		_, locked := sign(b, "han", password, code)
		if got := mistake.FindString(locked); got != mistake.FindString(unknown) {
			t.Errorf("a stranger is told who there is: %q", got)
		}
		// And an address that guesses links, too.
		b.address = "y"
		limited := false
		for range 30 {
			_, page, _ := b.do(http.MethodGet, "/invitation/wxl_AAAAAAAAAAAAAAAAAAAAAAAAAA", nil)
			limited = limited || strings.Contains(page, "too many tries")
		}
		if !limited {
			t.Error("thirty links are guessed in a row")
		}
		// Who is shut out is out at once.
		if _, err := w.house.DisableUser(account.As(t.Context(), "tester", "here"), "han"); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := han.do(http.MethodGet, "/me", nil); status != http.StatusSeeOther {
			t.Errorf("a user who was shut out sees %d", status)
		}
	})
}

// A form whose session has ended is not lost: to sign in sends it on.
func TestAFormOutlivesItsSession(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		b := w.as("han", true, "operator")
		form := url.Values{"version": {"1"}, "spec": {"name: kept\n"}, "go": {"yaml"}}
		if status, _, _ := b.do(http.MethodPost, "/accounts/default/drafts",
			url.Values{}); status != http.StatusSeeOther {
			t.Fatal(status)
		}
		b.Jar, _ = cookiejar.New(nil)
		const at = "/accounts/default/drafts/1/yaml"
		status, page, _ := b.do(http.MethodPost, at, form)
		if status != http.StatusUnauthorized || !strings.Contains(page, `name="spec" value="name: kept`) {
			t.Fatalf("%d\n%s", status, page)
		}
		form.Set("sign-in-name", "han")
		form.Set("sign-in-password", "wrong wrong wrong")
		if status, page, _ := b.do(http.MethodPost, at, form); status != http.StatusUnauthorized ||
			!strings.Contains(page, "name: kept") || strings.Contains(page, "wrong wrong") {
			t.Errorf("with a wrong password: %d\n%s", status, page)
		}
		form.Set("sign-in-password", password)
		if status, page, to := b.do(http.MethodPost, at, form); status != http.StatusSeeOther || to != at {
			t.Errorf("%d %s\n%s", status, to, page)
		}
		if _, page, _ := b.do(http.MethodGet, at, nil); !strings.Contains(page, "name: kept") {
			t.Errorf("what was sent is lost:\n%s", page)
		}
		// One with a file keeps all but the file.
		b.Jar, _ = cookiejar.New(nil)
		const part = "--x\r\nContent-Disposition: form-data; name="
		resp, err := b.Post(w.url+"/accounts/default/presets", "multipart/form-data; boundary=x", strings.NewReader(
			part+"spec\r\n\r\nname: kept\r\n"+part+"picture; filename=a.png\r\n\r\nPNG\r\n--x--\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if raw, _ := io.ReadAll(resp.Body); !strings.Contains(string(raw), `name="spec" value="name: kept"`) ||
			strings.Contains(string(raw), "PNG") {
			t.Errorf("%d\n%s", resp.StatusCode, raw)
		}
	})
}

// withPeople brings the followers and the mini users into the store.
func (w *world) withPeople(t *testing.T) (context.Context, *account.Account) {
	t.Helper()
	ctx := account.As(t.Context(), "tester", "here")
	a := w.house.Accounts[0]
	if _, err := a.Sync(ctx, wxcast.SyncIncremental, false, nil); err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	if err := w.sim.WriteMiniUsers(&csv); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ImportFile(ctx, strings.NewReader(csv.String()), bridge.Columns{UnionID: "unionid",
		OpenID: "openid"},
		account.ImportOptions{Source: "mini.csv"}); err != nil {
		t.Fatal(err)
	}
	return ctx, a
}

// Two on one draft: the second is told, and what they wrote is on their page. A double click, and
// two who submit at once, make one broadcast.
func TestTwoOnOneDraft(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		ctx, a := w.withPeople(t)
		han, li := w.as("han", true, "operator"), w.as("li", true, "operator")
		han.do(http.MethodPost, "/accounts/default/drafts", url.Values{})
		spec := "name: sale\ntemplate: " + w.sim.TemplateID + "\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\n"
		const at = "/accounts/default/drafts/1/"
		if status, page, _ := han.do(http.MethodPost, at+"yaml", url.Values{"version": {"1"},
			"spec": {spec}}); status !=
			http.StatusSeeOther {
			t.Fatalf("%d %s", status, page)
		}
		status, page, _ := li.do(http.MethodPost, at+"yaml", url.Values{"version": {"1"}, "spec": {"name: of-li\n"}})
		if status != http.StatusConflict && status != http.StatusUnprocessableEntity ||
			!strings.Contains(page, "somebody else has changed") || !strings.Contains(page, "name: of-li") {
			t.Errorf("%d\n%s", status, page)
		}
		var both sync.WaitGroup
		for _, b := range []*browser{han, li, han, li} {
			both.Go(func() {
				if status, page, _ := b.do(http.MethodPost, "/accounts/default/drafts/1/submit",
					url.Values{"version": {"2"}}); status != http.StatusSeeOther {
					t.Errorf("%d\n%s", status, page)
				}
			})
		}
		both.Wait()
		all, err := a.Broadcasts(ctx)
		if err != nil || len(all) != 1 {
			t.Fatalf("%d broadcasts, %v", len(all), err)
		}
		if err := a.FixRecipients(ctx, all[0].ID); err != nil {
			t.Fatal(err)
		}
		n, err := a.Broadcast(ctx, all[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []*browser{han, li} {
			both.Go(func() {
				if status, page, _ := b.do(http.MethodPost, "/accounts/default/broadcasts/1/start",
					url.Values{"recipients": {fmt.Sprint(n.Recipients)}}); status != http.StatusSeeOther {
					t.Errorf("%d\n%s", status, page)
				}
			})
		}
		both.Wait()
	})
}

func TestALinkIsGoodOnce(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		i, err := w.house.CreateUser(account.As(t.Context(), "tester", "here"), account.NewUser{Name: "li",
			Roles: []string{"viewer"}})
		if err != nil {
			t.Fatal(err)
		}
		link := i.Link[strings.Index(i.Link, "/invitation/"):]
		b := w.browser()
		for range 3 { // to look at it uses nothing up: chat programs do
			if status, _, _ := b.do(http.MethodGet, link, nil); status != http.StatusOK {
				t.Fatalf("%d", status)
			}
		}
		for _, weak := range []string{"short", "aaaaaaaaaaaaaaa", "abcdefghijklmno", "abcabcabcabcabc",
			"its li in person!"} {
			if status, _, _ := b.do(http.MethodPost, link, url.Values{"password": {weak}}); status !=
				http.StatusUnprocessableEntity {
				t.Errorf("%q is taken: %d", weak, status)
			}
		}
		for n, want := range []int{http.StatusSeeOther, http.StatusNotFound} {
			if status, _, _ := b.do(http.MethodPost, link, url.Values{"password": {password}}); status != want {
				t.Errorf("try %d: %d, want %d", n, status, want)
			}
		}
	})
}

func TestForgedRequestsHaveNoEffect(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		admin := w.as("boss", true, "admin")
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"}} {
			status, _, _ := admin.do(http.MethodPost, "/users", url.Values{"name": {"mallory"}, "role": {"admin"}},
				header...)
			if status != http.StatusForbidden {
				t.Errorf("%v: %d", header, status)
			}
		}
		users, err := w.house.ListUsers(t.Context())
		if err != nil || len(users) != 1 {
			t.Errorf("%+v %v", users, err)
		}
		// Nothing is changed by a GET.
		for _, r := range w.con.Routes() {
			if r.Method == http.MethodPost {
				path := strings.NewReplacer("{account}", "default", "{id}", "1", "{name}", "x").Replace(r.Path)
				if status, _, _ := admin.do(http.MethodGet, path, nil); status == http.StatusSeeOther &&
					!strings.Contains(r.Path,
						"invitation") {
					t.Errorf("GET %s changes something: %d", path, status)
				}
			}
		}
		for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example",
			"javascript:alert(1)",
			"evil", "/%0d%0aSet-Cookie:x"} {
			b := w.browser()
			b.address = next[:1]
			status, _, to := b.do(http.MethodPost, "/sign-in", url.Values{"name": {"boss"}, "password": {password},
				"next": {next}})
			if status != http.StatusSeeOther || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
				strings.Contains(to, "evil") || strings.ContainsAny(to, "\\\r\n") {
				t.Errorf("%s leads to %d %q", next, status, to)
			}
		}
	})
}

func TestWhatStrangersWroteIsText(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		admin := w.as("boss", true, "admin")
		evil := `<img src=x onerror=alert(1)>"'><script>alert(2)</script>`
		for _, path := range []string{
			"/accounts/default/people?q=" + url.QueryEscape(evil),
			"/accounts/default/audit?of=" + url.QueryEscape(evil),
			"/accounts/default/presets/" + url.PathEscape(evil), "/?done=" + url.QueryEscape(evil),
			"/sign-in?next=" + url.QueryEscape("/"+evil), "/" + url.PathEscape(evil),
			"/accounts/" + url.PathEscape(evil) + "/broadcasts"} {
			_, page, _ := admin.do(http.MethodGet, path, nil)
			if strings.Contains(page, "<img") || strings.Contains(page, "<script>") || strings.Contains(page, `"'>`) {
				t.Errorf("%s is written as it is:\n%s", path, page)
			}
		}
		ctx := account.As(t.Context(), "tester", "here")
		a := w.house.Accounts[0]
		id, err := a.NewDraft(ctx, "name: x\ntemplate: T\ndata: {thing1: '"+strings.ReplaceAll(evil, "'", "''")+"'}\n")
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []string{"content", "audience", "sending", "check", "yaml"} {
			status, page, _ := admin.do(http.MethodGet, "/accounts/default/drafts/"+string(rune('0'+id))+"/"+step, nil)
			if status != http.StatusOK || strings.Contains(page, "<img") || strings.Contains(page, "<script>alert") {
				t.Errorf("%s: %d\n%s", step, status, page)
			}
		}
	})
}

func TestPagesSayWhatTheyMayDo(t *testing.T) {
	each(t, map[string]string{"WXCAST_CONSOLE_URL": "https://ops.example.com/wxcast"}, func(t *testing.T, w *world) {
		admin := w.as("boss", true, "admin")
		for _, path := range []string{"/", "/wxcast/", "/wxcast/users"} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
			resp, err := admin.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			policy := resp.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';",
				"frame-ancestors 'none'",
				"require-trusted-types-for 'script'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s: the policy lacks %s: %s", path, part, policy)
				}
			}
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
		_, page, _ := admin.do(http.MethodGet, "/wxcast/", nil)
		for _, m := range regexp.MustCompile(`(?:href|src|action|hx-get)="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(m[1], "/wxcast/") {
				t.Errorf("%s leads past the proxy's prefix", m[1])
			}
		}
	})
}

func TestWhoNeedsASecondFactorGetsNoFurther(t *testing.T) {
	each(t, map[string]string{"WXCAST_CONSOLE_REQUIRE_TOTP": "true"}, func(t *testing.T, w *world) {
		i, err := w.house.CreateUser(account.As(t.Context(), "tester", "here"), account.NewUser{Name: "li",
			Roles: []string{"admin"}})
		if err != nil {
			t.Fatal(err)
		}
		link := i.Link[strings.Index(i.Link, "/invitation/"):]
		if status, _, _ := w.browser().do(http.MethodPost, link, url.Values{"password": {password}}); status !=
			http.StatusUnprocessableEntity {
			t.Errorf("a password alone is taken: %d", status)
		}
	})
}

// Where a browser would keep no session, the page says so, rather than let one sign in for nothing.
func TestAPlainAddressIsTold(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		for host, want := range map[string]bool{"127.0.0.1:8080": false, "localhost": false, "[::1]:8080": false,
			"10.0.0.7:8080": true, "ops.example.com": true} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sign-in", nil)
			req.Host = host
			rec := httptest.NewRecorder()
			w.con.ServeHTTP(rec, req)
			if got := strings.Contains(rec.Body.String(), "plain HTTP"); got != want || rec.Code != http.StatusOK {
				t.Errorf("%s: %v, want %v (%d)", host, got, want, rec.Code)
			}
		}
	})
}

// What strangers send is not read before they may come in, and nobody lets themselves into more.
func TestNobodyTakesMoreThanTheirs(t *testing.T) {
	each(t, map[string]string{"WXCAST_CONSOLE_PARTED_DUTIES": "true"}, func(t *testing.T, w *world) {
		boss := w.as("boss", false, "admin")
		for _, path := range []string{"/users/boss/grant", "/users/Boss/grant"} {
			if status, _, _ := boss.do(http.MethodPost, path, url.Values{"role": {"operator"},
				"people": {"yes"}}); status !=
				http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", path, status)
			}
		}
		if status, _, _ := boss.do(http.MethodPost, "/users/BOSS/disable",
			url.Values{}); status != http.StatusUnprocessableEntity {
			t.Errorf("the only admin shuts themselves out: %d", status)
		}
		for scope, want := range map[string]int{"read": http.StatusOK, "send": http.StatusForbidden,
			"people": http.StatusForbidden, "token": http.StatusForbidden, "events": http.StatusForbidden} {
			status, _, _ := boss.do(http.MethodPost, "/accounts/default/keys", url.Values{"name": {"k-" + scope},
				"scope": {scope}})
			if status != want {
				t.Errorf("a key with %s: %d, want %d", scope, status, want)
			}
		}
		stranger := w.browser()
		large := url.Values{"spec": {strings.Repeat(`"`, 3<<20)}}
		for _, path := range []string{"/accounts/default/drafts/1/submit", "/accounts/default/permits", "/users"} {
			if status, page, _ := stranger.do(http.MethodPost, path, large); len(page) > 1<<20 || status < 300 {
				t.Errorf("%s: %d and %d bytes", path, status, len(page))
			}
		}
	})
}

// A broadcast that is scheduled begins when it was asked to: who asks for another time, or counts its
// people wrongly, is not told that it is done.
func TestAnotherTimeIsNotTakenForTheSame(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		ctx, a := w.withPeople(t)
		han := w.as("han", true, "operator")
		han.do(http.MethodPost, "/accounts/default/drafts", url.Values{})
		spec := "name: sale\ntemplate: " + w.sim.TemplateID + "\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\n"
		han.do(http.MethodPost, "/accounts/default/drafts/1/yaml", url.Values{"version": {"1"}, "spec": {spec}})
		if status, page, _ := han.do(http.MethodPost, "/accounts/default/drafts/1/submit",
			url.Values{"version": {"2"}}); status != http.StatusSeeOther {
			t.Fatalf("%d\n%s", status, page)
		}
		if err := a.FixRecipients(ctx, 1); err != nil {
			t.Fatal(err)
		}
		b, err := a.Broadcast(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		begins, n := time.Now().Add(24*time.Hour).In(wxcast.Beijing), fmt.Sprint(b.Recipients)
		for _, ask := range []struct {
			recipients string
			at         time.Time
			done       bool
		}{{n, begins, true}, {n, begins, true}, {n, begins.Add(time.Hour), false}, {"1", begins, false}} {
			status, page, _ := han.do(http.MethodPost, "/accounts/default/broadcasts/1/schedule", url.Values{
				"recipients": {ask.recipients}, "at": {ask.at.Format("2006-01-02T15:04")}})
			if (status == http.StatusSeeOther) != ask.done {
				t.Errorf("%d for %s people at %v; done: want %v\n%s", status, ask.recipients, ask.at, ask.done, page)
			}
		}
	})
}
