package bench

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

const (
	callbackRate    = 2000 // events a second
	callbackSeconds = 60
	callbackSenders = 64
)

// serve starts a wxcast serve, and returns its address.
func (a *account) serve(b *testing.B) (*exec.Cmd, string) {
	b.Helper()
	cmd := exec.Command(a.binary, "serve")
	cmd.Env, cmd.Dir = append(a.env, "WXCAST_SERVE_LISTEN=127.0.0.1:0", "WXCAST_SERVE_SYNC_AT=off", "WXCAST_TOKEN="+a.sim.Token), a.dir
	out, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	_, address, ok := strings.Cut(first, " at http://")
	if err != nil || !ok {
		b.Fatalf("it does not serve: %v %s", err, first)
	}
	address, _, _ = strings.Cut(address, ";")
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return cmd, address
}

// callbacks sends events as WeChat does, at a rate, each again to another address when
// it was not answered, and returns how long each took from its first try on.
type callbacks struct {
	token string
	mu    sync.Mutex
	addrs []string
	took  []time.Duration
	lost  int
}

func (c *callbacks) address(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addrs[n%len(c.addrs)]
}

// send tells one event, with up to three repeats.
func (c *callbacks) send(client *http.Client, n int) {
	body := fmt.Sprintf("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o%027d]]></FromUserName><CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>%d</MsgID><Status><![CDATA[success]]></Status></xml>",
		n, time.Now().Unix(), 1<<60+n)
	begun := time.Now()
	for try := range 4 {
		q := wechat.CallbackTest(url.Values{}, c.token, "", time.Now())
		q.Del("echostr")
		resp, err := client.Post("http://"+c.address(n+try)+"/wechat/default?"+q.Encode(), "text/xml", strings.NewReader(body))
		if err != nil {
			continue
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK && string(answer) == "success" {
			c.mu.Lock()
			c.took = append(c.took, time.Since(begun))
			c.mu.Unlock()
			return
		}
	}
	c.mu.Lock()
	c.lost++
	c.mu.Unlock()
}

// Two replicas take 2,000 receipts a second for a minute; one of them is killed in the
// middle.
func BenchmarkCallback(b *testing.B) {
	a := newAccount(b, "postgres", simulator.Options{Followers: 1000, Seed: 7})
	victim, first := a.serve(b)
	_, second := a.serve(b)
	c := &callbacks{token: a.sim.Token, addrs: []string{first, second}}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: callbackSenders}}
	fmt.Printf("\nCallbacks: %d a second for %d s to two processes on Postgres, one killed in the middle\n", callbackRate, callbackSeconds)
	jobs := make(chan int, 4*callbackRate)
	var senders sync.WaitGroup
	for range callbackSenders {
		senders.Go(func() {
			for n := range jobs {
				c.send(client, n)
			}
		})
	}
	started := time.Now()
	time.AfterFunc(callbackSeconds*time.Second/2, func() {
		_ = victim.Process.Kill()
		c.mu.Lock()
		c.addrs = []string{second, first} // a load balancer still tries both
		c.mu.Unlock()
		time.AfterFunc(2*time.Second, func() { c.mu.Lock(); c.addrs = []string{second}; c.mu.Unlock() })
	})
	for n := range callbackRate * callbackSeconds {
		if wait := time.Until(started.Add(time.Duration(n) * time.Second / callbackRate)); wait > 0 {
			time.Sleep(wait)
		}
		jobs <- n
	}
	close(jobs)
	senders.Wait()
	took := time.Since(started)
	slices.Sort(c.took)
	part := func(share float64) float64 {
		return float64(c.took[int(share*float64(len(c.took)-1))].Microseconds()) / 1000
	}
	var stored int
	db := a.open(b)
	defer db.Close()
	if err := db.QueryRow("SELECT COUNT(*) FROM events").Scan(&stored); err != nil {
		b.Fatal(err)
	}
	note("answered", fmt.Sprintf("%d in %.1f s; half within %.1f ms, 99.9 %% within %.1f ms", len(c.took), took.Seconds(), part(0.5), part(0.999)))
	verdict(b, "99 % of them answered within", part(0.99), 50, "ms")
	verdict(b, "events that were never answered, or answered and not kept", float64(c.lost+max(0, len(c.took)-stored)), 0, "")
	var pending int
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if err := db.QueryRow("SELECT COUNT(*) FROM events WHERE applied_at IS NULL").Scan(&pending); err != nil || pending == 0 {
			break
		}
	}
	verdict(b, "events not applied 20 s later", float64(pending), 0, "")
}
