package wechat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/silenceper/wechat/v2/util"
)

// replyMax bounds a reply. The largest we ask for is a page of 10,000 openids,
// about 0.3 MiB.
const replyMax = 8 << 20

// The SDK sends everything through one global client without a time-out, whose
// errors quote the URL, token included. It is replaced once, by a client that
// finds the transport of each call in its context.
func init() {
	util.DefaultHTTPClient = &http.Client{
		Transport:     contextTransport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type transportKey struct{}

// contextTransport sends a request over the transport in its context, and turns
// every answer but 200 into an *Error.
type contextTransport struct{}

func (contextTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	transport, ok := req.Context().Value(transportKey{}).(http.RoundTripper)
	if !ok {
		transport = http.DefaultTransport
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
		_ = resp.Body.Close()
		return nil, &Error{Path: req.URL.Path, HTTPStatus: resp.StatusCode, MaybeDone: true}
	}
	resp.Body = &limitedBody{body: resp.Body, left: replyMax}
	return resp, nil
}

// limitedBody fails once a reply is longer than replyMax.
type limitedBody struct {
	body io.ReadCloser
	left int
}

func (l *limitedBody) Read(p []byte) (int, error) {
	n, err := l.body.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, fmt.Errorf("the reply is longer than %d MiB", replyMax>>20)
	}
	return n, err
}

func (l *limitedBody) Close() error { return l.body.Close() }

// newTransport keeps as many connections alive as there are calls in flight:
// with Go's default of two per host the rest would be dialled anew each time.
func newTransport(conns int) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		MaxIdleConns:          0,
		MaxIdleConnsPerHost:   conns,
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: 0, // the call's own time-out covers it
		DisableCompression:    true,
	}
}

// exchange makes one HTTP exchange with the first host that takes a connection.
// A nil body is a GET. Its error is an *Error that holds no URL.
func (c *Client) exchange(ctx context.Context, path string, query string, body []byte) ([]byte, error) {
	var err error
	for _, base := range c.hosts.inOrder() {
		connected := false
		trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }}
		callCtx, cancel := context.WithTimeout(httptrace.WithClientTrace(context.WithValue(ctx, transportKey{}, c.transport), trace), c.timeout)
		uri := base + path
		if query != "" {
			uri += "?" + query
		}
		var reply []byte
		if body == nil {
			reply, err = util.HTTPGetContext(callCtx, uri)
		} else {
			reply, err = util.HTTPPostContext(callCtx, uri, body, jsonHeader)
		}
		cancel()
		if err == nil {
			return reply, nil
		}
		if ctx.Err() != nil {
			// Not err: net/http hands out the cause of the cancellation, which may be
			// the error of another call.
			return nil, &Error{Path: path, MaybeDone: connected, Err: ctx.Err()}
		}
		if connected {
			return nil, callError(path, err, connected)
		}
		// Only a host that took no connection is passed over: nothing was sent.
		c.hosts.failed(base)
	}
	return nil, callError(path, err, false)
}

var jsonHeader = map[string]string{"Content-Type": "application/json;charset=utf-8"}

// callError makes an *Error of what the SDK or net/http returned, without the URL.
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
