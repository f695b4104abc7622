package wechat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// brokenAnswers are hosts that answer as no API should.
var brokenAnswers = map[string]http.HandlerFunc{
	"502 with HTML": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>bad gateway", http.StatusBadGateway)
	},
	"HTML with 200": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>login first</html>") },
	"nothing":       func(http.ResponseWriter, *http.Request) {},
	"a redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://example.com/?"+r.URL.RawQuery, http.StatusFound)
	},
	"truncated": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"errcode`)
	},
	"a wrong type": func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errcode":"none","access_token":7,"total":"x"}`)
	},
	"an endless reply": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `"`+strings.Repeat("x", 9<<20)) },
	"a cut connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"a slow answer": func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(time.Second):
		}
	},
	"the token in the errmsg": func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"errcode":45999,"errmsg":"bad %s %s"}`, r.URL.Query().Get("access_token"), "s3cr3t-of-the-app")
	},
}

func TestNoFailureOfAnyCallPanicsOrLeaks(t *testing.T) {
	const secret, token = "s3cr3t-of-the-app", "t0ken-of-the-app"
	now := time.Now()
	for name, handler := range brokenAnswers {
		for _, cached := range []bool{true, false} { // the call itself fails, or fetching its token
			t.Run(fmt.Sprintf("%s, token cached %v", name, cached), func(t *testing.T) {
				t.Parallel()
				server := httptest.NewServer(handler)
				defer server.Close()
				server.Config.ErrorLog = nil
				db := openStore(t)
				if cached {
					if err := db.SaveToken(t.Context(), "wx",
						wxcast.NewToken(token, now, now.Add(2*time.Hour))); err != nil {
						t.Fatal(err)
					}
				}
				c := wechat.New(wechat.Options{AppID: "wx", Secret: config.Secret(secret), Bases: []string{server.URL},
					Timeout: 300 * time.Millisecond, Tokens: db})
				defer c.Close()
				for call, err := range everyCall(t.Context(), c) {
					if err == nil {
						t.Errorf("%s: no error", call)
						continue
					}
					text := fmt.Sprintf("%v|%+v|%#v", err, err, err)
					if strings.Contains(text, secret) || strings.Contains(text, token) {
						t.Errorf("%s leaks: %s", call, text)
					}
					class := wechat.ClassOf(err)
					if name == "a redirect" && class == wechat.ClassConfigStop { // the next one would lead there, too
						continue
					}
					if class != wechat.ClassRetryLater && class != wechat.ClassMsgBad {
						t.Errorf("%s: class %v: %v", call, class, err)
					}
				}
			})
		}
	}
}

// everyCall makes all calls at once: those that are patient wait side by side.
func everyCall(ctx context.Context, c *wechat.Client) map[string]error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[string]error{}
	for name, call := range map[string]func() error{
		"ListFollowers": func() error { _, err := c.ListFollowers(ctx, "o"); return err },
		"BatchGetUsers": func() error { _, _, err := c.BatchGetUsers(ctx, []wxcast.OpenID{"o"}); return err },
		"ListTemplates": func() error { _, err := c.ListTemplates(ctx); return err },
		"SendTemplate": func() error {
			_, err := c.SendTemplate(ctx, wechat.TemplateMessage{ToUser: "o"})
			return err
		},
		"SendSubscribe": func() error {
			_, err := c.SendSubscribe(ctx, wechat.SubscribeMessage{ToUser: "m"})
			return err
		},
		"SendNotice":     func() error { _, err := c.SendNotice(ctx, wechat.NoticeMessage{ToUser: "o"}); return err },
		"SendCard":       func() error { return c.SendCard(ctx, wechat.Card{ToUser: "o"}) },
		"SendCustomText": func() error { return c.SendCustomText(ctx, wechat.CustomText{ToUser: "o"}) },
		"UploadImage":    func() error { _, _, err := c.UploadImage(ctx, "a.png", []byte("x")); return err },
		"ListSubscribeTemplates": func() error {
			_, err := c.ListSubscribeTemplates(ctx)
			return err
		},
		"GetQuota": func() error { _, err := c.GetQuota(ctx, "/x"); return err },
	} {
		wg.Go(func() {
			err := call()
			mu.Lock()
			defer mu.Unlock()
			out[name] = err
		})
	}
	wg.Wait()
	return out
}
