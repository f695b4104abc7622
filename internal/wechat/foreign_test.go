package wechat

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
)

// clientBy is a client whose tokens come from elsewhere.
func clientBy(from TokenFrom, bases ...string) *Client {
	return New(Options{AppID: "wx1", Secret: config.Secret("s"), Bases: bases, Timeout: 500 * time.Millisecond,
		Tokens: &oneToken{}, TokenFrom: from})
}

// A command of the company's ends when its time is over, with all that it has started, and
// what it says is bounded.
func TestATokenCommandHoldsNobodyUp(t *testing.T) {
	for name, command := range map[string]string{
		"a child that holds the output": "(sleep 30) & echo a; sleep 30",
		"a child alone":                 "sleep 30 &",
		"an output without end":         "yes",
	} {
		t.Run(name, func(t *testing.T) {
			c := clientBy(TokenFrom{Command: command})
			defer c.Close()
			begun := time.Now()
			_, err := c.AccessToken(context.Background(), "")
			if took := time.Since(begun); err == nil || took > 5*time.Second {
				t.Errorf("it took %v: %v", took, err)
			}
		})
	}
	c := clientBy(TokenFrom{Command: "head -c 1000000 /dev/zero | tr '\\0' a"})
	defer c.Close()
	if token, err := c.AccessToken(t.Context(), ""); err == nil && len(token.Reveal()) > foreignMax {
		t.Errorf("a token of %d bytes", len(token.Reveal()))
	}
}

// An answer that will be the same the next time is told at once; one of a gateway that is busy
// is waited out.
func TestHTTPStatusesMeanWhatTheySay(t *testing.T) {
	for status, want := range map[int]Class{301: ClassConfigStop, 302: ClassConfigStop, 400: ClassConfigStop,
		401: ClassConfigStop, 403: ClassConfigStop, 404: ClassConfigStop, 407: ClassConfigStop, 408: ClassRetryLater,
		429: ClassRetryLater, 500: ClassRetryLater, 502: ClassRetryLater, 503: ClassRetryLater} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/?token=SECRET")
			w.WriteHeader(status)
		}))
		for name, c := range map[string]*Client{"token_url": clientBy(TokenFrom{URL: config.Secret(server.URL)}),
			"the API": clientBy(TokenFrom{}, server.URL)} {
			_, err := c.AccessToken(t.Context(), "")
			if ClassOf(err) != want {
				t.Errorf("%d of %s: %v (%v), want %v", status, name, ClassOf(err), err, want)
			}
			if status == 301 && (!strings.Contains(err.Error(), "leads to https://elsewhere.example") ||
				strings.Contains(err.Error(), "SECRET")) {
				t.Errorf("%v, want where it leads", err)
			}
			c.Close()
		}
		server.Close()
	}
}

// What stands before the @ of a URL logs in.
func TestAURLWithAUserLogsIn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "p@ss" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprint(w, `{"access_token":"good","expires_in":7200}`)
	}))
	defer server.Close()
	base := strings.Replace(server.URL, "http://", "http://me:p%40ss@", 1)
	for name, c := range map[string]*Client{"token_url": clientBy(TokenFrom{URL: config.Secret(base)}),
		"api_base": clientBy(TokenFrom{}, base)} {
		if token, err := c.AccessToken(t.Context(), ""); err != nil || token.Reveal() != "good" {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

// Who says that the good token is refused gets it again, and costs WeChat nothing but a
// question; one that WeChat refuses us, too, is replaced.
func TestAGoodTokenIsNotReplacedOnSomebodysWord(t *testing.T) {
	fetched, good := 0, "token-1"
	var overridden int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "stable_token"):
			fetched++
			good = fmt.Sprint("token-", fetched)
			_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, good)
		case r.URL.Query().Get("access_token") != good:
			_, _ = fmt.Fprint(w, `{"errcode":40001,"errmsg":"invalid credential"}`)
		default:
			_, _ = fmt.Fprint(w, `{"errcode":0,"quota":{"daily_limit":10,"used":1}}`)
		}
	}))
	defer server.Close()
	c := New(Options{AppID: "wx1", Secret: config.Secret("s"), Bases: []string{server.URL}, Timeout: time.Second,
		Tokens: &oneToken{}, Overridden: func(context.Context) { overridden++ }})
	defer c.Close()
	for range 25 {
		token, err := c.AccessToken(t.Context(), "token-1")
		if err != nil || token.Reveal() != "token-1" {
			t.Fatalf("%v %v", token, err)
		}
	}
	if fetched != 1 || overridden != 0 {
		t.Errorf("%d tokens were fetched, %d alarms raised: want one and none", fetched, overridden)
	}
	good = "somebody else's"
	if token, err := c.AccessToken(t.Context(), "token-1"); err != nil || token.Reveal() != "token-2" || overridden != 1 {
		t.Errorf("%v %v, %d alarms: want another token and an alarm", token, err, overridden)
	}
	if token, err := c.AccessToken(t.Context(), "token-of-old"); err != nil || token.Reveal() != "token-2" {
		t.Errorf("%v %v, want the current one", token, err)
	}
}
