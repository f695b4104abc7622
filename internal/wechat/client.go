// Package wechat is the adapter to WeChat's server API, and the only importer of
// the SDK. It gives typed errors with a class, tokens shared by all processes,
// time-outs, fail-over between hosts, and texts without tokens or secrets.
//
// The facts it rests on are in docs/wechat.md.
package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Options describe one app and how to reach WeChat in its name.
type Options struct {
	AppID  wxcast.AppID
	Secret interface{ Reveal() string } // never printed
	// Bases are the API hosts in the order they are tried; each ends without a slash.
	Bases   []string
	Timeout time.Duration // for one call
	// Conns is how many calls are in flight at most: so many connections are kept.
	Conns     int
	Tokens    TokenStore
	TokenFrom TokenFrom
	// Overridden is told when somebody else has made an end of a token that should have
	// lived on; nil tells nobody.
	Overridden func(ctx context.Context)
	// Observe is told of each call but those for tokens: its API, how long it took, and
	// its error; nil tells nobody. It must not block.
	Observe func(path string, took time.Duration, err error)
	// Dial opens connections to WeChat; nil for this machine's network.
	Dial Dial
}

// Dial opens a connection, as net.Dialer's DialContext does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Client makes calls in the name of one app. It is safe for concurrent use.
type Client struct {
	appid     wxcast.AppID
	secret    interface{ Reveal() string }
	hosts     *hosts
	timeout   time.Duration
	transport *http.Transport
	tokens    *tokenSource
	observe   func(path string, took time.Duration, err error)
}

// New makes a client. It calls nobody yet.
func New(o Options) *Client {
	c := &Client{
		appid:     o.AppID,
		secret:    o.Secret,
		hosts:     newHosts(o.Bases),
		timeout:   o.Timeout,
		transport: newTransport(max(o.Conns, 2), o.Dial),
	}
	if c.observe = o.Observe; c.observe == nil {
		c.observe = func(string, time.Duration, error) {}
	}
	c.tokens = newTokenSource(o.AppID, o.Tokens, c.fetcher(o.TokenFrom))
	if !o.TokenFrom.foreign() { // else it is the source's to know
		c.tokens.overridden = o.Overridden
	}
	return c
}

// Close drops the kept connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// AccessToken returns the app's access token, for others to use. refused is one that
// WeChat has refused: the answer is another; "" refuses none. Somebody may be wrong about
// that: the one that all use is only replaced when WeChat refuses it to us, too.
func (c *Client) AccessToken(ctx context.Context, refused string) (wxcast.Token, error) {
	if refused != "" {
		current, err := c.tokens.get(ctx, "")
		if err == nil && current.Reveal() == refused && c.takes(ctx, current) {
			return current, nil
		}
	}
	return c.tokens.get(ctx, refused)
}

// takes tells whether WeChat takes a token.
func (c *Client) takes(ctx context.Context, token wxcast.Token) bool {
	body, err := json.Marshal(struct {
		CGIPath string `json:"cgi_path"`
	}{quotaGetAPI})
	if err == nil {
		_, err = callWith[quotaReply](ctx, c, token.Reveal(), request{path: quotaGetAPI, body: body})
	}
	return ClassOf(err) != ClassToken
}

// status is what every reply of WeChat's may hold; absent means 0.
type status struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

func (s status) code() (int, string) { return s.ErrCode, s.ErrMsg }

type reply interface{ code() (int, string) }

// tokenTries is how many tokens one call tries: the one at hand, another that the
// shared cache may hold, and one that WeChat has just handed out.
const tokenTries = 3

// call makes an API call with a JSON body, or a GET where that is nil: see callAs.
func call[T reply](ctx context.Context, c *Client, path string, query url.Values, body []byte) (T, error) {
	return callAs[T](ctx, c, request{path: path, query: query, body: body})
}

// callAs makes an API call with the access token and decodes the reply. A refused
// token is replaced and the call repeated, with at most one token fetched for it;
// ClassToken on return means that a token fetched after the first refusal was
// refused, too.
func callAs[T reply](ctx context.Context, c *Client, r request) (T, error) {
	var out T
	var refused string
	var refusedAt time.Time
	wished := time.Now()
	for try := 1; ; try++ {
		token, err := c.tokens.get(ctx, refused)
		if err != nil {
			return out, err
		}
		if err := goAhead(ctx, wished); err != nil {
			return out, err
		}
		out, err = callWith[T](ctx, c, token.Reveal(), r)
		fresh := !refusedAt.IsZero() && token.FetchedAt.After(refusedAt)
		if ClassOf(err) != ClassToken || fresh || try == tokenTries {
			return out, err
		}
		if refused = token.Reveal(); refusedAt.IsZero() {
			refusedAt = time.Now()
		}
	}
}

// request is an API call but for its token.
type request struct {
	path  string
	query url.Values
	body  []byte // nil for a GET
	// contentType is the body's; "" for JSON.
	contentType string
}

// callWith decodes into a T of its own: the errcode of an earlier reply must not
// outlive it in a struct, since a good reply may have none.
func callWith[T reply](ctx context.Context, c *Client, token string, r request) (out T, err error) {
	q := "access_token=" + url.QueryEscape(token)
	if len(r.query) > 0 {
		q += "&" + r.query.Encode()
	}
	begun := time.Now()
	raw, err := c.exchange(ctx, r, q)
	if err == nil {
		out, err = decode[T](r.path, raw, token, c.secret.Reveal())
	}
	c.observe(r.path, time.Since(begun), err)
	return out, err
}

// decode reads a reply, and turns an errcode into an *Error. hide are texts that
// the reply might echo and no error may show.
func decode[T reply](path string, raw []byte, hide ...string) (out T, err error) {
	if r, ok := any(&out).(interface{ quick(raw []byte) bool }); ok && r.quick(raw) {
		return out, nil
	}
	err = json.Unmarshal(raw, &out)
	if err != nil { // people's own texts are in it
		out = *new(T)
		err = json.Unmarshal(foreign.Clean(raw), &out)
	}
	if err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &kind):
			err = fmt.Errorf("the reply has a %s in %q", kind.Value, kind.Field)
		case errors.As(err, &syntax):
			err = errors.New("the reply is not JSON")
		}
		whole := bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) && bytes.HasSuffix(bytes.TrimSpace(raw), []byte("}"))
		return out, &Error{Path: path, MaybeDone: true, Unreadable: whole, Err: err}
	}
	if code, msg := out.code(); code != 0 {
		return out, replyError(path, code, msg, hide...)
	}
	return out, nil
}
