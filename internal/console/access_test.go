package console_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/console"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/sql/storetest"
)

// world is a company with a simulated account and a console.
type world struct {
	t     *testing.T
	sim   *simulator.Server
	house *account.House
	con   *console.Console
	url   string
	log   *testWriter
}

func each(t *testing.T, more map[string]string, test func(*testing.T, *world)) {
	storetest.EachURL(t, func(t *testing.T, database string) {
		w := &world{t: t, sim: simulator.New(simulator.Options{Followers: 40, Seed: 3,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})}
		t.Cleanup(w.sim.Close)
		platform := httptest.NewServer(w.sim)
		t.Cleanup(platform.Close)
		env := map[string]string{"WXCAST_DATABASE_URL": database, "WXCAST_API_BASE": platform.URL,
			"WXCAST_APPID": w.sim.AppID, "WXCAST_SECRET": w.sim.Secret, "WXCAST_MINI_APPID": w.sim.MiniAppID,
			"WXCAST_MINI_SECRET": w.sim.MiniSecret}
		for name, value := range more {
			env[name] = value
		}
		cfg, err := config.Load(config.Sources{File: os.DevNull, Env: func(name string) string { return env[name] }})
		if err != nil {
			t.Fatal(err)
		}
		w.log = &testWriter{t: t}
		log := slog.New(slog.NewTextHandler(w.log, nil))
		if w.house, err = account.OpenHouse(t.Context(), cfg, log); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.house.Close)
		w.con = console.New(console.Options{House: w.house, URL: cfg.Console.URL,
			Address: func(r *http.Request) string { return "192.0.2." + r.Header.Get("X-Test-Address") }, Log: log})
		server := httptest.NewServer(w.con)
		t.Cleanup(server.Close)
		w.url = server.URL
		test(t, w)
	})
}

// testWriter is where a test's log goes, and what has gone there.
type testWriter struct {
	t    *testing.T
	mu   sync.Mutex
	text strings.Builder
}

func (w *testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	return len(p), nil
}

func (w *testWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// browser is one user's, with cookies of its own.
type browser struct {
	*http.Client
	w       *world
	address string
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, w, "1"}
}

// do asks for a page, or sends a form.
func (b *browser) do(method, path string, form url.Values, header ...string) (status int, page string, to string) {
	b.w.t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, b.w.url+path, body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("X-Test-Address", b.address)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), resp.Header.Get("Location")
}

const password = "seven grey geese"

// as is the browser of a new user who has signed in.
func (w *world) as(name string, people bool, roles ...string) *browser {
	w.t.Helper()
	ctx := account.As(w.t.Context(), "tester", "here")
	i, err := w.house.CreateUser(ctx, account.NewUser{Name: name, Roles: roles, People: people})
	if err != nil {
		w.t.Fatal(err)
	}
	b := w.browser()
	_, path, _ := strings.Cut(i.Link, "/invitation/")
	status, page, _ := b.do(http.MethodPost, "/invitation/"+path, url.Values{"password": {password}})
	if status != http.StatusSeeOther {
		w.t.Fatalf("the link of %s: %d\n%s", name, status, page)
	}
	return b
}

// page reads docs/console.md.
func page(t *testing.T) string {
	raw, err := os.ReadFile("../../docs/console.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var routeRow = regexp.MustCompile("(?m)^\\| `(GET|POST) (/[^`]*)` \\| (\\S+) \\|")

// Each role, on each route: exactly what the tables of docs/console.md say.
func TestWhoMayDoWhat(t *testing.T) {
	doc := page(t)
	routes := map[string]access.Right{}
	for _, m := range routeRow.FindAllStringSubmatch(doc, -1) {
		right := access.Right(m[3])
		if right == "–" {
			right = ""
		}
		routes[m[1]+" "+m[2]] = right
	}
	rights := map[wxcast.Role][]access.Right{}
	for _, role := range wxcast.Roles {
		row := regexp.MustCompile("(?m)^\\| `" + string(role) + "` \\| ([^|]*) \\|").FindStringSubmatch(doc)
		if row == nil {
			t.Fatalf("docs/console.md has no row of %s", role)
		}
		for _, right := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(row[1], -1) {
			rights[role] = append(rights[role], access.Right(right[1]))
		}
	}
	each(t, nil, func(t *testing.T, w *world) {
		all, routes := w.con.Routes(), maps.Clone(routes)
		for _, r := range all {
			key := r.Method + " " + r.Path
			if want, ok := routes[key]; !ok || want != r.Right {
				t.Errorf("docs/console.md says of %s %q (%v), it is %q:\n| `%s` | %s |", key, want, ok, r.Right, key, r.Right)
			}
			delete(routes, key)
		}
		for key := range routes {
			t.Errorf("docs/console.md has %s, which there is not", key)
		}
		for _, role := range wxcast.Roles {
			for _, people := range []bool{false, true} {
				name := fmt.Sprintf("%s-%v", role, people)
				b := w.as(name, people, string(role))
				for _, r := range all {
					if r.Path == "/sign-out" {
						continue
					}
					may := r.Right == "" || slices.Contains(rights[role], r.Right)
					if r.Right == access.RightPeople {
						may = people
					}
					if r.Right == access.RightForget {
						may = people && slices.Contains(rights[role], access.RightSync)
					}
					path := strings.NewReplacer("{account}", "default", "{id}", "1", "{name}", "nobody", "{step}",
						"content",
						"{job}", "nothing", "{day}", "2026-01-01").Replace(r.Path)
					status, body, to := b.do(r.Method, path, url.Values{})
					if refused := status == http.StatusForbidden; refused == may || status >= 500 ||
						strings.Contains(to, "sign-in") {
						t.Errorf("%s: %s %s is %d %s, want it to be allowed: %v\n%.300s", name, r.Method, path, status,
							to, may, body)
					}
				}
			}
		}
		stranger := w.browser()
		for _, r := range all {
			path := strings.NewReplacer("{account}", "default", "{id}", "1").Replace(r.Path)
			status, _, to := stranger.do(r.Method, path, url.Values{})
			if status != http.StatusUnauthorized && !(status == http.StatusSeeOther && strings.HasPrefix(to,
				"/sign-in")) {
				t.Errorf("a stranger: %s %s is %d %s", r.Method, path, status, to)
			}
		}
	})
}
