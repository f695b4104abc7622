package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	stableTokenAPI = "/cgi-bin/stable_token"
	plainTokenAPI  = "/cgi-bin/token"
	// foreignLife is how long a token is taken to live whose source does not say.
	foreignLife = 2 * time.Minute
)

// TokenFrom says where the access token comes from; the zero value is WeChat's
// stable_token.
type TokenFrom struct {
	Plain   bool                         // /cgi-bin/token, which replaces the token before
	URL     interface{ Reveal() string } // a service of the company's; never printed
	Command string                       // run by the shell; its output is the token
}

// foreign: WeChat is not asked for tokens.
func (f TokenFrom) foreign() bool { return f.URL != nil && f.URL.Reveal() != "" || f.Command != "" }

// fetcher is how a token is fetched. force asks for another one although the
// current one has not expired.
func (c *Client) fetcher(from TokenFrom) func(ctx context.Context, force bool) (wxcast.Token, error) {
	switch {
	case from.URL != nil && from.URL.Reveal() != "":
		return func(ctx context.Context, _ bool) (wxcast.Token, error) { return c.fetchFromURL(ctx, from.URL.Reveal()) }
	case from.Command != "":
		return func(ctx context.Context, _ bool) (wxcast.Token, error) { return c.fetchFromCommand(ctx, from.Command) }
	case from.Plain:
		return func(ctx context.Context, _ bool) (wxcast.Token, error) { return c.fetchPlain(ctx) }
	}
	return c.fetchStable
}

type tokenReply struct {
	status
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// fetchStable asks for the app's stable token. Without force it is the current one
// with the seconds it has left; with force the current one dies.
func (c *Client) fetchStable(ctx context.Context, force bool) (wxcast.Token, error) {
	body, err := json.Marshal(struct {
		GrantType    string       `json:"grant_type"`
		AppID        wxcast.AppID `json:"appid"`
		Secret       string       `json:"secret"`
		ForceRefresh bool         `json:"force_refresh"`
	}{"client_credential", c.appid, c.secret.Reveal(), force})
	if err != nil {
		return wxcast.Token{}, err
	}
	now := time.Now()
	raw, err := c.exchange(ctx, request{path: stableTokenAPI, body: body}, "")
	if err != nil {
		return wxcast.Token{}, err
	}
	return c.tokenFrom(stableTokenAPI, raw, now)
}

// fetchPlain replaces the app's /cgi-bin/token token.
func (c *Client) fetchPlain(ctx context.Context) (wxcast.Token, error) {
	now := time.Now()
	raw, err := c.exchange(ctx, request{path: plainTokenAPI}, url.Values{
		"grant_type": {"client_credential"}, "appid": {string(c.appid)}, "secret": {c.secret.Reveal()},
	}.Encode())
	if err != nil {
		return wxcast.Token{}, err
	}
	return c.tokenFrom(plainTokenAPI, raw, now)
}

func (c *Client) tokenFrom(path string, raw []byte, now time.Time) (wxcast.Token, error) {
	out, err := decode[tokenReply](path, raw, c.secret.Reveal())
	var e *Error
	if errors.As(err, &e) && e.Class() == ClassToken {
		e.class = ClassConfigStop // 40001 here means a wrong secret
	}
	if err != nil {
		return wxcast.Token{}, err
	}
	if out.AccessToken == "" || out.ExpiresIn <= 0 {
		return wxcast.Token{}, &Error{Path: path, Err: errors.New("the reply holds no token")}
	}
	return wxcast.NewToken(out.AccessToken, now, now.Add(time.Duration(out.ExpiresIn)*time.Second)), nil
}

// fetchFromURL asks the company's own service. It answers as WeChat does, with
// access_token and expires_in, or with the bare token.
func (c *Client) fetchFromURL(ctx context.Context, from string) (wxcast.Token, error) {
	const path = "token_url"
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	now := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return wxcast.Token{}, &Error{Path: path, class: ClassConfigStop, Err: errors.New("is no URL")}
	}
	authorize(req)
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return wxcast.Token{}, callError(path, err, false)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return wxcast.Token{}, statusError(path, resp)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, foreignMax))
	if err != nil {
		return wxcast.Token{}, callError(path, err, false)
	}
	return c.foreignToken(path, raw, now)
}

// foreignMax bounds what a foreign source may answer.
const foreignMax = 64 << 10

// fetchFromCommand runs the company's own command.
func (c *Client) fetchFromCommand(ctx context.Context, command string) (wxcast.Token, error) {
	const path = "token_command"
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	now := time.Now()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	alone(cmd) // what it starts ends with it, too
	cmd.WaitDelay = time.Second
	out := &limited{most: foreignMax}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		// Neither its output nor its complaints are told: they may hold the token.
		return wxcast.Token{}, &Error{Path: path, Err: fmt.Errorf("the command failed: %w", err)}
	}
	return c.foreignToken(path, out.kept.Bytes(), now)
}

// limited keeps the beginning of an output.
type limited struct {
	kept bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	_, _ = l.kept.Write(p[:min(len(p), l.most-l.kept.Len())])
	return len(p), nil
}

func (c *Client) foreignToken(path string, raw []byte, now time.Time) (wxcast.Token, error) {
	text := strings.TrimSpace(string(raw))
	if strings.HasPrefix(text, "{") {
		var out tokenReply
		if json.Unmarshal(raw, &out) == nil && out.AccessToken != "" {
			life := time.Duration(out.ExpiresIn) * time.Second
			if life <= 0 {
				life = foreignLife
			}
			return wxcast.NewToken(out.AccessToken, now, now.Add(life)), nil
		}
	} else if text != "" && !strings.ContainsAny(text, " \n\t<>") {
		return wxcast.NewToken(text, now, now.Add(foreignLife)), nil
	}
	return wxcast.Token{}, &Error{Path: path, class: ClassConfigStop,
		Err: errors.New(`the answer is neither {"access_token": …, "expires_in": …} nor a bare token`)}
}
