package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// caller makes an account's calls with nothing but net/http.
type caller struct {
	sim  *simulator.Server
	base string
}

// token fetches an access token.
func (c caller) token(ctx context.Context) (string, error) {
	body := fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, c.sim.AppID, c.sim.Secret)
	raw, err := c.call(ctx, http.DefaultClient, "/cgi-bin/stable_token", body)
	if err != nil {
		return "", err
	}
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(raw, &reply); err != nil || reply.AccessToken == "" {
		return "", errors.New("the simulator gave no token")
	}
	return reply.AccessToken, nil
}

// sendURL is where messages go.
func (c caller) sendURL(ctx context.Context) (string, error) {
	token, err := c.token(ctx)
	return c.base + wechat.TemplateSendAPI + "?access_token=" + token, err
}

// call makes one call; an empty body is a GET.
func (c caller) call(ctx context.Context, client *http.Client, path, body string) ([]byte, error) {
	method, content := http.MethodGet, io.Reader(nil)
	if body != "" {
		method, content = http.MethodPost, strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// page is a page of the follower list.
func (c caller) page(ctx context.Context, client *http.Client, token, cursor string) (openids []string, next string,
	err error) {
	raw, err := c.call(ctx, client, wechat.UserGetAPI+"?access_token="+token+"&next_openid="+cursor, "")
	if err != nil {
		return nil, "", err
	}
	var reply struct {
		Data struct {
			OpenID []string `json:"openid"`
		} `json:"data"`
		NextOpenID string `json:"next_openid"`
	}
	err = json.Unmarshal(raw, &reply)
	return reply.Data.OpenID, reply.NextOpenID, err
}

// details asks for up to 100 followers.
func (c caller) details(ctx context.Context, client *http.Client, token string, openids []string) ([]byte, error) {
	var body bytes.Buffer
	body.WriteString(`{"user_list":[`)
	for i, openid := range openids {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"openid":%q}`, openid)
	}
	body.WriteString(`]}`)
	return c.call(ctx, client, wechat.BatchGetAPI+"?access_token="+token, body.String())
}

// listAll lists all pages one after another, and hands the openids on.
func (c caller) listAll(ctx context.Context, client *http.Client, token string, take func(openids []string)) error {
	for cursor := ""; ; {
		openids, next, err := c.page(ctx, client, token, cursor)
		if err != nil || len(openids) == 0 {
			return err
		}
		take(openids)
		cursor = next
	}
}

// fetchAll lists all pages and, beside that, gets all details, and throws the answers
// away. It returns how long that took, and how long the list alone.
func (c caller) fetchAll(ctx context.Context, concurrency int) (all, list time.Duration, err error) {
	token, err := c.token(ctx)
	if err != nil {
		return 0, 0, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency + 1}}
	begun := time.Now()
	if err := c.listAll(ctx, client, token, func([]string) {}); err != nil {
		return 0, 0, err
	}
	list, begun = time.Since(begun), time.Now()
	batches := make(chan []string, 1<<20)
	var workers sync.WaitGroup
	var failed atomic.Int64
	for range concurrency {
		workers.Go(func() {
			for batch := range batches {
				if _, err := c.details(ctx, client, token, batch); err != nil {
					failed.Add(1)
				}
			}
		})
	}
	err = c.listAll(ctx, client, token, func(openids []string) {
		for batch := range slices.Chunk(openids, 100) {
			batches <- batch
		}
	})
	close(batches)
	workers.Wait()
	if failed.Load() > 0 {
		err = errors.Join(err, fmt.Errorf("%d batches failed", failed.Load()))
	}
	return time.Since(begun), list, err
}

// body is a message like ours.
const body = `{"touser":"oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k","template_id":"TPLaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","miniprogram":{"appid":"wx0123456789abcdef","pagepath":"pages/sale/index?from=oa&u=oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k"},"client_msg_id":"aaaaaaaaaa-aaaaaaaaaaaaa","data":{"thing1":{"value":"上新提醒"},"time2":{"value":"2026-11-30 10:00"}}}`

// Bare posts n messages with so many connections, reads the replies and records nothing:
// what the machine can do at best.
func Bare(ctx context.Context, url string, connections, n int) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	var next, failed atomic.Int64
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for next.Add(1) <= int64(n) {
				if post(ctx, client, url) != nil {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if failed.Load() > 0 {
		return fmt.Errorf("%d of %d failed", failed.Load(), n)
	}
	return nil
}

func post(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json;charset=utf-8")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var reply struct {
		MsgID int64 `json:"msgid"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil || reply.MsgID == 0 {
		return errors.New("no msgid")
	}
	return nil
}
