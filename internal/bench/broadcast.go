package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
)

// slowFor is how long a measurement with latency takes about.
const slowFor = 8 * time.Second

// broadcast measures one broadcast.
func (w *world) broadcast(ctx context.Context, name string, latency time.Duration) (row Row, err error) {
	n := w.Size
	if latency > 0 {
		n = min(n, int(float64(w.Connections)*slowFor.Seconds()/latency.Seconds()))
	}
	w.Say("broadcast to %d on %s, answers after %v", n, w.engine, latency)
	w.platform.latency.Store(int64(latency))
	defer w.platform.latency.Store(0)
	row = Row{Part: "broadcast", Engine: w.engine, LatencyMS: latency.Milliseconds(), N: n}
	bare, err := w.bare(ctx, n)
	if err != nil {
		return row, err
	}
	row.Ceiling = float64(n) / bare.Seconds()
	spec := filepath.Join(w.dir, name+".yaml")
	text := fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: 上新提醒, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/sale/index?u={{ .mini_openid }}\"}\nrate: 100000\naudience: {limit: %d}\n", name, w.sim.TemplateID, n)
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		return row, err
	}
	w.platform.taken.Store(0)
	ours, err := w.run(ctx, "broadcast", "run", spec, "--yes")
	if err != nil {
		return row, err
	}
	if taken := w.platform.taken.Load(); taken != int64(n) || ours.out["sent"] != float64(n) {
		return row, fmt.Errorf("%d messages were taken and %v recorded, of %d", taken, ours.out["sent"], n)
	}
	row.PerSecond, row.CPUSeconds, row.PeakMiB = float64(n)/ours.wall.Seconds(), ours.cpu.Seconds(), ours.peakMiB
	row.Ratio = row.PerSecond / row.Ceiling
	row.Naive, err = w.naiveSends(ctx)
	return row, err
}

// bare runs the bare client as a process of its own.
func (w *world) bare(ctx context.Context, n int) (time.Duration, error) {
	token, err := w.token(ctx)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, w.Binary, "bench", "--bare", fmt.Sprintf("%s%s?access_token=%s", w.base, wechat.TemplateSendAPI, token), "--connections", fmt.Sprint(w.Connections), "--size", fmt.Sprint(n))
	cmd.Env = w.env
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("the bare client: %w: %s", err, out)
	}
	return time.Since(begun), nil
}

// body is a message like ours.
const body = `{"touser":"oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k","template_id":"TPLaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","miniprogram":{"appid":"wx0123456789abcdef","pagepath":"pages/sale/index?u=oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k"},"client_msg_id":"aaaaaaaaaa-aaaaaaaaaaaaa","data":{"thing1":{"value":"上新提醒"},"time2":{"value":"2026-11-30 10:00"}}}`

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
