package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
)

// syncConcurrency is wxcast's default.
const syncConcurrency = 4

// sync measures a first sync.
func (w *world) sync(ctx context.Context) (row Row, err error) {
	w.Say("sync of %d followers on %s", w.Size, w.engine)
	row = Row{Part: "sync", Engine: w.engine, N: w.Size}
	bare, err := w.fetchAll(ctx)
	if err != nil {
		return row, err
	}
	load, err := w.load(ctx)
	if err != nil {
		return row, err
	}
	row.Ceiling = float64(w.Size) / max(bare, load).Seconds()
	ours, err := w.run(ctx, "sync")
	if err != nil {
		return row, err
	}
	if ours.out["listed"] != float64(w.Size) {
		return row, fmt.Errorf("%v listed, of %d", ours.out["listed"], w.Size)
	}
	row.PerSecond, row.CPUSeconds, row.PeakMiB = float64(w.Size)/ours.wall.Seconds(), ours.cpu.Seconds(), ours.peakMiB
	row.Ratio = row.PerSecond / row.Ceiling
	row.Naive, err = w.naiveSync(ctx)
	return row, err
}

// token fetches an access token for the bare clients.
func (w *world) token(ctx context.Context) (string, error) {
	body := fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, w.sim.AppID, w.sim.Secret)
	raw, err := w.call(ctx, http.DefaultClient, "/cgi-bin/stable_token", body)
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

// call makes one call; an empty body is a GET.
func (w *world) call(ctx context.Context, client *http.Client, path, body string) ([]byte, error) {
	method, content := http.MethodGet, io.Reader(nil)
	if body != "" {
		method, content = http.MethodPost, bytes.NewReader([]byte(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, content)
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
func (w *world) page(ctx context.Context, client *http.Client, token, cursor string) (openids []string, next string, err error) {
	raw, err := w.call(ctx, client, wechat.UserGetAPI+"?access_token="+token+"&next_openid="+cursor, "")
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
func (w *world) details(ctx context.Context, client *http.Client, token string, openids []string) ([]byte, error) {
	var body bytes.Buffer
	body.WriteString(`{"user_list":[`)
	for i, openid := range openids {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"openid":%q}`, openid)
	}
	body.WriteString(`]}`)
	return w.call(ctx, client, wechat.BatchGetAPI+"?access_token="+token, body.String())
}

// fetchAll makes a sync's calls with nothing but net/http, and throws the answers away.
func (w *world) fetchAll(ctx context.Context) (time.Duration, error) {
	token, err := w.token(ctx)
	if err != nil {
		return 0, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: syncConcurrency + 1}}
	begun := time.Now()
	batches := make(chan []string, 1<<17)
	var all sync.WaitGroup
	for range syncConcurrency {
		all.Go(func() {
			for batch := range batches {
				_, _ = w.details(ctx, client, token, batch)
			}
		})
	}
	for cursor := ""; ; {
		openids, next, err := w.page(ctx, client, token, cursor)
		if err != nil || len(openids) == 0 {
			close(batches)
			all.Wait()
			return time.Since(begun), err
		}
		for i := 0; i < len(openids); i += 100 {
			batches <- openids[i:min(i+100, len(openids))]
		}
		cursor = next
	}
}
