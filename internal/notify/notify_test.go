package notify_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/notify"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// chat is a stand-in for the robots' services: it keeps what it was told.
type chat struct {
	mu     sync.Mutex
	told   []string // query and body
	answer string
	status int
}

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, r.URL.RawQuery+" "+strings.TrimSpace(string(body)))
	w.WriteHeader(c.status)
	_, _ = io.WriteString(w, c.answer)
}

func (c *chat) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.told...)
}

var (
	at     = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	notice = wxcast.Notice{Key: "job:sync", Kind: wxcast.NoticeAlert, Title: wxcast.Verbatim("sync failed"),
		Body: wxcast.Verbatim("line 1\nline <2> & 上新"), RaisedAt: at}
)

// The forms that the services document. The signatures were made by another program.
func TestEachRobotsForm(t *testing.T) {
	for kind, want := range map[string]string{
		"wecom":    `key=K {"markdown":{"content":"**sync failed**\nline 1\nline <2> & 上新"},"msgtype":"markdown"}`,
		"dingtalk": `key=K&sign=vwxwzTiB%2F7AJBqofZNbQF7vCzTBAui3C09f1V9Y%2FpC0%3D&timestamp=1795222800000 {"markdown":{"text":"**sync failed**\n\nline 1  \nline <2> & 上新","title":"sync failed"},"msgtype":"markdown"}`,
		"feishu":   `key=K {"content":{"text":"sync failed\nline 1\nline <2> & 上新"},"msg_type":"text","sign":"yHQVr+XWXzSCwVsQ4Bdbr5PC9Ky9Pa/uJ0WQQe5alTM=","timestamp":"1795222800"}`,
		"slack":    `key=K {"text":"*sync failed*\nline 1\nline <2> & 上新"}`,
		"json":     `key=K {"account":"shop","data":{"n":1},"key":"job:sync","kind":"alert","over":false,"raised_at":"2026-11-21T01:00:00Z","text":"line 1\nline <2> & 上新","title":"sync failed"}`,
	} {
		c := &chat{status: http.StatusOK, answer: `{"errcode":0,"code":0}`}
		service := httptest.NewServer(c)
		n := notice
		if kind == "json" {
			n.Data = `{"n":1}`
		}
		r := notify.Robot{Kind: kind, URL: config.Secret(service.URL + "/hook?key=K"), Secret: config.Secret("SEC1")}
		if err := r.Tell(t.Context(), service.Client(), n, "shop", at); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		service.Close()
		got := strings.Join(c.all(), "\n")
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", kind, got, want)
		}
		if _, body, _ := strings.Cut(got, " "); !json.Valid([]byte(body)) {
			t.Errorf("%s: no JSON: %s", kind, body)
		}
	}
}

func TestARobotThatDoesNotTakeItIsNamedWithoutItsKey(t *testing.T) {
	for name, test := range map[string]struct {
		kind, answer string
		status       int
		want         string
	}{
		"WeCom's errcode": {"wecom", `{"errcode":93000,"errmsg":"invalid webhook url"}`, 200,
			"wecom refuses the message: 93000 invalid webhook url"},
		"DingTalk's errcode": {"dingtalk", `{"errcode":310000,"errmsg":"sign not match"}`, 200,
			"dingtalk refuses the message: 310000 sign not match"},
		"Feishu's code": {"feishu", `{"code":19021,"msg":"sign match fail"}`, 200,
			"feishu refuses the message: 19021 sign match fail"},
		"a status": {"slack", "no_team", 404, "slack answers with status 404"},
	} {
		c := &chat{status: test.status, answer: test.answer}
		service := httptest.NewServer(c)
		err := notify.Robot{Kind: test.kind, URL: config.Secret(service.URL + "/?key=SECRETKEY"),
			Secret: config.Secret("")}.Tell(t.Context(), service.Client(), notice, "shop", at)
		service.Close()
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := notify.Robot{Kind: "wecom", URL: config.Secret("http://127.0.0.1:1/?key=SECRETKEY"),
		Secret: config.Secret("")}.Tell(t.Context(), http.DefaultClient, notice, "shop", at)
	if err == nil || strings.Contains(err.Error(), "SECRETKEY") ||
		!strings.Contains(err.Error(), "wecom does not answer") {
		t.Errorf("%v", err)
	}
}

// A process that dies between telling an alert's end and noting it has not swallowed the
// alert, should it come back.
func TestAnAlertThatComesBackWhileItsEndIsToldIsToldAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id, err := db.EnsureApp(t.Context(), "wx1", wxcast.KindOfficialAccount)
		if err != nil {
			t.Fatal(err)
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		pending := func() wxcast.Notice {
			t.Helper()
			all, err := db.PendingNotices(t.Context(), id, 10)
			must(err)
			if len(all) != 1 {
				t.Fatalf("%+v", all)
			}
			return all[0]
		}
		must(db.RaiseNotice(t.Context(), id, notice))
		must(db.NoticeTold(t.Context(), pending()))
		must(db.EndAlert(t.Context(), id, notice.Key))
		end := pending()
		must(db.TellingEnd(t.Context(), end)) // and the robot is told
		must(db.EndAlert(t.Context(), id, notice.Key))
		if again := pending(); again.OverAt.IsZero() {
			t.Fatalf("the end is lost: %+v", again)
		}
		back := notice
		back.Body = wxcast.Verbatim("the disk is full again")
		must(db.RaiseNotice(t.Context(), id, back))
		must(db.NoticeTold(t.Context(), end)) // by a slow process
		if n := pending(); !n.OverAt.IsZero() || n.Body.String() != back.Body.String() {
			t.Errorf("%+v", n)
		}
	})
}

// An alert is told once, however often it is raised and by how many processes; its end is
// told, too, and a report once.
func TestEachNoticeIsToldOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id, err := db.EnsureApp(t.Context(), "wx1", wxcast.KindOfficialAccount)
		if err != nil {
			t.Fatal(err)
		}
		c := &chat{status: http.StatusOK, answer: "ok"}
		service := httptest.NewServer(c)
		t.Cleanup(service.Close)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for _, worker := range []string{"one", "two"} {
			teller := &notify.Teller{Store: db, Robots: []notify.Robot{{Kind: "slack", URL: config.Secret(service.URL),
				Secret: config.Secret("")}}, AccountID: id, Account: "shop", Worker: worker,
				Log: slog.New(slog.DiscardHandler)}
			go teller.Run(ctx)
		}
		raise := func(n wxcast.Notice) {
			t.Helper()
			if err := db.RaiseNotice(t.Context(), id, n); err != nil {
				t.Fatal(err)
			}
		}
		told := func(n int) []string {
			t.Helper()
			for deadline := time.Now().Add(20 * time.Second); len(c.all()) < n &&
				time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			}
			return c.all()
		}
		for range 3 {
			raise(notice)
			raise(wxcast.Notice{Key: "report:2026-11-20", Kind: wxcast.NoticeReport, Title: wxcast.Verbatim("the day"),
				Body: wxcast.Verbatim("was good")})
		}
		if all := told(2); len(all) != 2 || !strings.Contains(all[0]+all[1], "*sync failed*") ||
			!strings.Contains(all[0]+all[1], "*the day*") {
			t.Fatalf("%v", all)
		}
		raise(notice) // it still fails: nothing new
		if err := db.EndAlert(t.Context(), id, notice.Key); err != nil {
			t.Fatal(err)
		}
		if all := told(3); len(all) != 3 || !strings.Contains(all[2], "*已恢复 Recovered: sync failed*") {
			t.Fatalf("%v", all)
		}
		// What ends before anyone was told is told to nobody.
		raise(wxcast.Notice{Key: "brief", Kind: wxcast.NoticeAlert, Title: wxcast.Verbatim("brief")})
		if err := db.EndAlert(t.Context(), id, "brief"); err != nil {
			t.Fatal(err)
		}
		if left, err := db.PendingNotices(t.Context(), id, 10); err != nil || len(left) != 0 {
			t.Errorf("%+v %v", left, err)
		}
	})
}

// A webhook with a secret is signed as Standard Webhooks has it, checked by their library.
func TestWebhooksAreSigned(t *testing.T) {
	for name, secret := range map[string]string{"any text": "a secret of the company's",
		"as the standard writes it": "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567"))} {
		var headers []http.Header
		var bodies [][]byte
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			headers, bodies = append(headers, r.Header), append(bodies, body)
		}))
		now := time.Now()
		robot := notify.Robot{Kind: "json", URL: config.Secret(server.URL), Secret: config.Secret(secret)}
		for range 2 { // told again
			if err := robot.Tell(t.Context(), server.Client(), notice, "shop", now); err != nil {
				t.Fatal(err)
			}
		}
		server.Close()
		webhook, err := standardwebhooks.NewWebhookRaw([]byte(secret))
		if strings.HasPrefix(secret, "whsec_") {
			webhook, err = standardwebhooks.NewWebhook(secret)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := webhook.Verify(bodies[0], headers[0]); err != nil {
			t.Errorf("%s: %v (%v)", name, err, headers[0])
		}
		if err := webhook.Verify(append(bodies[0], ' '), headers[0]); err == nil {
			t.Errorf("%s: the signature holds for another body", name)
		}
		if id := headers[0].Get("webhook-id"); id == "" || id != headers[1].Get("webhook-id") {
			t.Errorf("%s: told again it is %q, was %q: nobody can tell that it came before", name,
				headers[1].Get("webhook-id"), id)
		}
	}
}
