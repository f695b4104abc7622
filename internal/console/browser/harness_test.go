// Package browser looks at the console in a real browser: Debian's Chromium, headless. It is a
// module of its own, so that who builds wxcast needs no browser's tools.
package browser

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"
	"github.com/pquerna/otp/totp"
)

//go:embed testdata/axe.min.js
var axe string

// binary builds wxcast once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wxcast-browser-")
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "wxcast")
	cmd := exec.Command("go", "build", "-o", to, ".")
	cmd.Dir = "../../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build wxcast: %w\n%s", err, out)
	}
	return to, nil
})

// house is a simulated company: wxcast demo --serve on a store of its own.
type house struct {
	url, link string
	database  string
	binary    string
	process   *exec.Cmd
}

// open starts a company, and ends it with the test.
func open(t *testing.T, flags ...string) *house {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{binary: bin, database: "sqlite://" + filepath.Join(t.TempDir(), "wxcast.db")}
	h.process = exec.Command(bin, append([]string{"demo", "--serve", "--json", "--lang", "en", "--rate", "400",
		"--followers", "1500", "--database", h.database}, flags...)...)
	h.process.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	errs := &bytes.Buffer{}
	h.process.Stderr = errs
	out, err := h.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.process.Process.Signal(os.Interrupt)
		if err := h.process.Wait(); err != nil && !strings.Contains(err.Error(), "exit status 130") {
			t.Logf("the demo ended: %v\n%s", err, errs)
		}
	})
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the demo did not come up: %v\n%s", err, errs)
		}
		var told struct{ Console, Link string }
		if json.Unmarshal([]byte(line), &told) == nil && told.Console != "" {
			h.url, h.link = strings.TrimSuffix(told.Console, "/"), told.Link
			go func() { _, _ = io.Copy(io.Discard, lines) }()
			return h
		}
	}
}

// chromium starts the browser, and ends it with the test.
func chromium(t *testing.T) *rod.Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip("there is no chromium here: apt-get install chromium")
		}
		t.Fatal(err)
	}
	l := launcher.New().Bin(path).NoSandbox(true).Leakless(false).UserDataDir(t.TempDir()).
		Set("disable-gpu").Set("disable-quic").Set("no-first-run").Set("disable-background-networking").
		Set("disable-component-update").Set("disable-sync").Set("force-color-profile", "srgb")
	control, err := l.Launch()
	if err != nil {
		t.Fatal(err)
	}
	b := rod.New().ControlURL(control).Timeout(15 * time.Minute)
	if err := b.Connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(); l.Kill() })
	return b
}

// viewer is a browser's window at which a test looks: what the browser complains of fails it.
type viewer struct {
	*rod.Page
	t    *testing.T
	h    *house
	lang string

	mu         sync.Mutex
	complaints []string
	expected   *regexp.Regexp // complaints that the test brings about
}

// visit opens a window of a width, in a language, with cookies of its own.
func (h *house) visit(t *testing.T, b *rod.Browser, lang string, width int) *viewer {
	t.Helper()
	own, err := b.Incognito()
	if err != nil {
		t.Fatal(err)
	}
	page, err := own.Page(proto.TargetCreateTarget{URL: "about:blank"})
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{Page: page, t: t, h: h, lang: lang}
	height := 900
	if width < 500 {
		height = 780
	}
	v.MustSetViewport(width, height, 1, width < 500)
	agent := proto.NetworkSetUserAgentOverride{UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/150 test",
		AcceptLanguage: lang}
	if err := v.SetUserAgent(&agent); err != nil {
		t.Fatal(err)
	}
	_ = proto.LogEnable{}.Call(v)
	_ = proto.AuditsEnable{}.Call(v)
	go v.EachEvent(
		func(e *proto.LogEntryAdded) {
			if e.Entry.Level == proto.LogLogEntryLevelError || e.Entry.Source == proto.LogLogEntrySourceSecurity {
				v.complain(string(e.Entry.Source) + ": " + e.Entry.Text + " " + e.Entry.URL)
			}
		},
		func(e *proto.RuntimeConsoleAPICalled) {
			if e.Type == proto.RuntimeConsoleAPICalledTypeError || e.Type == proto.RuntimeConsoleAPICalledTypeWarning {
				v.complain(fmt.Sprint("console: ", e.Args[0].Value, e.Args[0].Description))
			}
		},
		func(e *proto.RuntimeExceptionThrown) {
			v.complain("exception: " + e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description)
		},
		func(e *proto.AuditsIssueAdded) {
			if e.Issue.Code == "ContentSecurityPolicyIssue" {
				v.complain(fmt.Sprintf("CSP: %+v", e.Issue.Details.ContentSecurityPolicyIssueDetails))
			}
		},
	)()
	t.Cleanup(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, c := range v.complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return v
}

// leaving is what htmx says of a question that was under way when its page was left; one that
// fails has other names beside these.
var leaving = regexp.MustCompile(`htmx:(sendAbort|afterRequest)`)

func (v *viewer) complain(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if leaving.MatchString(what) {
		return
	}
	if v.expected != nil && v.expected.MatchString(what) {
		return
	}
	v.complaints = append(v.complaints, what)
}

// expect lets complaints pass that the test brings about.
func (v *viewer) expect(pattern string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expected = regexp.MustCompile(pattern)
}

// to opens a page and waits until it is there.
func (v *viewer) to(path string) {
	v.t.Helper()
	if err := v.Navigate(v.h.url + path); err != nil {
		v.t.Fatal(err)
	}
	v.MustWaitLoad()
}

// fill types into a field, instead of what was there.
func (v *viewer) fill(selector, text string) {
	v.t.Helper()
	v.one(selector).MustSelectAllText().MustInput(text)
}

// press clicks what leads to another page, and waits for it.
func (v *viewer) press(selector string) {
	v.t.Helper()
	wait := v.WaitNavigation(proto.PageLifecycleEventNameLoad)
	v.one(selector).MustClick()
	wait()
}

// one finds an element that must be there within seconds.
func (v *viewer) one(selector string) *rod.Element {
	v.t.Helper()
	e, err := v.Timeout(30 * time.Second).Element(selector)
	if err != nil {
		v.t.Fatalf("%s: no %s on the page: %v\n%.1500s", v.MustInfo().URL, selector, err, v.text())
	}
	return e.CancelTimeout()
}

// text is what the page says.
func (v *viewer) text() string {
	body, err := v.Timeout(30 * time.Second).Element("body")
	if err != nil {
		return err.Error()
	}
	text, _ := body.Text()
	return text
}

// says waits until the page says something.
func (v *viewer) says(what string) {
	v.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(v.text(),
		what); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			v.t.Fatalf("%s does not say %q:\n%.3000s", v.MustInfo().URL, what, v.text())
		}
	}
}

// join takes a one-time link: a password, and a second factor where one is asked for. It
// returns the secret of the latter.
func (v *viewer) join(link, password string, withTOTP bool) (secret string) {
	v.t.Helper()
	if err := v.Navigate(link); err != nil {
		v.t.Fatal(err)
	}
	v.MustWaitLoad()
	v.fill("#password", password)
	if withTOTP {
		secret = *v.one("input[name=secret]").MustAttribute("value")
		v.one("summary").MustClick()
		v.fill("#code", code(v.t, secret, 0))
	}
	v.press("button.first")
	return secret
}

// code is the second factor's of now, or of a while later.
func code(t *testing.T, secret string, later time.Duration) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, time.Now().Add(later))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// accessible runs axe on the page: nothing may be in the way of a keyboard or a screen reader.
func (v *viewer) accessible() {
	v.t.Helper()
	if _, err := v.Evaluate(rod.Eval("() => {" + axe + "; window.axe = axe}")); err != nil {
		v.t.Fatalf("axe: %v", err)
	}
	found, err := v.Evaluate(rod.Eval(`async () => {
		const r = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]});
		return r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0,
			160) + " " + n.failureSummary).join(" | "));
	}`).ByPromise())
	if err != nil {
		v.t.Fatalf("axe: %v", err)
	}
	for _, one := range found.Value.Arr() {
		v.t.Errorf("%s: %s", v.MustInfo().URL, one.Str())
	}
	// Nothing is wider than the window.
	if wide := v.MustEval(`() => document.documentElement.scrollWidth - document.documentElement.clientWidth`).Int(); wide > 1 {
		v.t.Errorf("%s is %d pixels wider than the window", v.MustInfo().URL, wide)
	}
}

// shoot keeps a picture of the page where WXCAST_SHOTS names a folder.
func (v *viewer) shoot(name string) {
	v.t.Helper()
	dir := os.Getenv("WXCAST_SHOTS")
	if dir == "" {
		return
	}
	picture, err := v.Screenshot(true, &proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatPng})
	if err == nil {
		err = errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
	}
	if err != nil {
		v.t.Error(err)
	}
}

// wxcast runs a command on the house's store.
func (h *house) wxcast(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(h.binary, append(args, "--database", h.database, "--lang", "en")...)
	cmd.Env = append(os.Environ(), "WXCAST_APPID=wx5f00000000000000", "WXCAST_SECRET=0123456789abcdef0123456789abcdef")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("wxcast %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}
