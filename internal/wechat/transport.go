package wechat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"time"
)

// replyMax bounds a reply. The largest we ask for is a page of 10,000 openids,
// about 0.3 MiB.
const replyMax = 8 << 20

// newTransport keeps as many connections alive as there are calls in flight:
// with Go's default of two per host the rest would be dialled anew each time.
func newTransport(conns int, dial Dial) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dial,
		TLSHandshakeTimeout:   5 * time.Second,
		MaxIdleConns:          0,
		MaxIdleConnsPerHost:   conns,
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: 0, // the call's own time-out covers it
		DisableCompression:    true,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			return statusError("proxy", resp)
		},
	}
}

// bytesInASecond are those of a slow line: what is larger than a message has as much longer.
const bytesInASecond = 128 << 10

// within is how long a call may take.
func (c *Client) within(r request) time.Duration {
	return c.timeout + time.Duration(len(r.body)/bytesInASecond)*time.Second
}

// exchange makes one HTTP exchange with the first host that takes a connection. query is all
// of it, the token too. Its error is an *Error that holds no URL.
func (c *Client) exchange(ctx context.Context, r request, query string) ([]byte, error) {
	var err error
	for _, base := range c.hosts.inOrder() {
		connected := false
		trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }}
		callCtx, cancel := context.WithTimeout(httptrace.WithClientTrace(ctx, trace), c.within(r))
		var reply []byte
		reply, err = c.roundTrip(callCtx, base, r, query)
		cancel()
		if err == nil {
			return reply, nil
		}
		if ctx.Err() != nil {
			// Not err: net/http hands out the cause of the cancellation, which may be
			// the error of another call.
			return nil, &Error{Path: r.path, MaybeDone: connected, Err: ctx.Err()}
		}
		if connected {
			return nil, callError(r.path, err, connected)
		}
		// Only a host that took no connection is passed over: nothing was sent.
		c.hosts.failed(base)
	}
	return nil, callError(r.path, err, false)
}

var jsonContent = []string{"application/json;charset=utf-8"}

// roundTrip makes one request, with no http.Client around it: WeChat sets no cookies
// and sends nobody elsewhere. Every answer but 200 is an *Error.
func (c *Client) roundTrip(ctx context.Context, base *url.URL, r request, query string) ([]byte, error) {
	method, content := http.MethodGet, io.Reader(nil)
	if r.body != nil {
		method, content = http.MethodPost, bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "", content)
	if err != nil {
		return nil, err
	}
	uri := *base // parsed once, not for each call
	uri.Path += r.path
	uri.RawQuery = query
	req.URL, req.Host = &uri, uri.Host
	authorize(req)
	switch {
	case r.contentType != "":
		req.Header.Set("Content-Type", r.contentType)
	case r.body != nil:
		req.Header["Content-Type"] = jsonContent
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	heard(ctx, resp.Header)
	if resp.StatusCode != http.StatusOK {
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
		return nil, statusError(r.path, resp)
	}
	return readReply(resp)
}

// statusError is an answer that is no 200. WeChat gives none in good order: it is of a proxy,
// a gateway or another server, and one of 3xx or 4xx will be the same the next time.
func statusError(path string, resp *http.Response) *Error {
	e := &Error{Path: path, HTTPStatus: resp.StatusCode, MaybeDone: true}
	if asked := resp.StatusCode >= 300 && resp.StatusCode < 500; !asked || slices.Contains(laterStatus, resp.StatusCode) {
		return e
	}
	e.class, e.MaybeDone = ClassConfigStop, false
	if to, err := url.Parse(resp.Header.Get("Location")); err == nil && to.Host != "" {
		e.Err = fmt.Errorf("it leads to %s://%s, and is not followed", to.Scheme, to.Host)
	}
	if resp.StatusCode == http.StatusProxyAuthRequired {
		e.Err = errProxyAuth
	}
	return e
}

// laterStatus are the answers of 4xx that say "later".
var laterStatus = []int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}

var errProxyAuth = errors.New("the proxy wants a user and a password: http://USER:PASSWORD@HOST:PORT in HTTPS_PROXY")

// authorize logs in with what stands before the @ of a URL, as a client does and a transport
// does not.
func authorize(req *http.Request) {
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
}

func readReply(resp *http.Response) ([]byte, error) {
	if length := resp.ContentLength; length >= 0 && length <= replyMax {
		reply := make([]byte, length)
		_, err := io.ReadFull(resp.Body, reply)
		return reply, err
	}
	reply, err := io.ReadAll(io.LimitReader(resp.Body, replyMax+1))
	if err == nil && len(reply) > replyMax {
		err = fmt.Errorf("the reply is longer than %d MiB", replyMax>>20)
	}
	return reply, err
}

// callError makes an *Error of what net/http returned, without the URL.
func callError(path string, err error, connected bool) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e // of contextTransport
	}
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	return &Error{Path: path, MaybeDone: connected, Err: err}
}
