package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
)

const (
	callbackRate    = 2000 // events a second
	callbackSeconds = 60
	callbackSenders = 64
)

// measureCallback has two processes take receipts; one of them is killed in the middle.
func measureCallback(ctx context.Context, w *world) error {
	w.populate(1000)
	if err := w.newStore(ctx); err != nil {
		return err
	}
	victim, first, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer victim.kill()
	stays, second, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer stays.kill()
	w.say("%d events a second for %d s, one process killed after half", callbackRate, callbackSeconds)
	c := &callbacks{token: w.sim.Token, path: receiptsDoor, event: receiptEvent, addrs: []string{first, second},
		client: &http.Client{Timeout: 5 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: callbackSenders}}}
	used, begun := w.watchPostgres(ctx), time.Now()
	time.AfterFunc(callbackSeconds*time.Second/2, func() {
		victim.kill() // a load balancer still tries it for a while
		time.AfterFunc(2*time.Second, func() { c.only(second) })
	})
	c.tell(ctx, callbackRate*callbackSeconds)
	if err := ctx.Err(); err != nil {
		return err
	}
	u := usage{wall: time.Since(begun), postgres: used()}
	w.row("events", callbackRate*callbackSeconds, u,
		func(r *Row) { r.Processes, r.InFlight, r.Ceiling = 2, callbackSenders, callbackRate })
	if err := w.checkCallbacks(ctx, c, 50); err != nil {
		return err
	}
	stays.kill()
	if err := measureConsents(ctx, w); err != nil {
		return err
	}
	return measureRelay(ctx, w)
}

const consentSeconds = 30

// measureConsents has two processes take what people allow in the mini program; one of them is
// killed in the middle. Each accept that was answered counts once in the ledger.
func measureConsents(ctx context.Context, w *world) error {
	if err := w.newStore(ctx); err != nil {
		return err
	}
	victim, first, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer victim.kill()
	stays, second, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer stays.kill()
	const n = callbackRate * consentSeconds
	w.say("%d consents a second for %d s, one process killed after half", callbackRate, consentSeconds)
	c := &callbacks{token: w.sim.MiniToken, path: receiptsDoor + "/" + w.sim.MiniAppID,
		event: func(i int) string { return consentEvent(i, w.sim.TemplateID) }, addrs: []string{first, second},
		client: &http.Client{Timeout: 5 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: callbackSenders}}}
	used, begun := w.watchPostgres(ctx), time.Now()
	time.AfterFunc(consentSeconds*time.Second/2, func() {
		victim.kill()
		time.AfterFunc(2*time.Second, func() { c.only(second) })
	})
	c.tell(ctx, n)
	if err := ctx.Err(); err != nil {
		return err
	}
	u := usage{wall: time.Since(begun), postgres: used()}
	w.row("consents", n, u,
		func(r *Row) { r.Processes, r.InFlight, r.Ceiling = 2, callbackSenders, callbackRate })
	if err := w.checkCallbacks(ctx, c, 50); err != nil {
		return err
	}
	return w.checkLedger(ctx, c)
}

// checkLedger holds the accepts that were answered against the ledger of consents.
func (w *world) checkLedger(ctx context.Context, c *callbacks) error {
	db, err := w.open()
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT recipient, SUM(messages) FROM permits GROUP BY recipient")
	if err != nil {
		return err
	}
	defer rows.Close()
	counted, wrong := map[string]bool{}, 0
	for rows.Next() {
		var who string
		var n int
		if err := rows.Scan(&who, &n); err != nil {
			return err
		}
		if counted[who] = true; n != 1 {
			wrong++
		}
	}
	missing := 0
	for _, i := range c.answered {
		if !counted[person(i)] {
			missing++
		}
	}
	w.none("accepts that were answered and are not in the ledger", missing)
	w.none("accepts that count more than once", wrong)
	return rows.Err()
}

// receiptsDoor is where the official account's callbacks come in; the mini program's, behind it.
const receiptsDoor = "/wechat/default"

// person is a made-up one's openid.
func person(n int) string { return fmt.Sprintf("o%027d", n) }

// receiptEvent tells that the nth message has arrived.
func receiptEvent(n int) string {
	return fmt.Sprintf("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName>"+
		"<CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>"+
		"<MsgID>%d</MsgID><Status><![CDATA[success]]></Status></xml>", person(n), time.Now().Unix(), 1<<60+n)
}

// consentEvent tells that the nth person allows a message.
func consentEvent(n int, template string) string {
	return fmt.Sprintf("<xml><ToUserName><![CDATA[gh_2]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName>"+
		"<CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe_msg_popup_event]]></Event>"+
		"<SubscribeMsgPopupEvent><List><TemplateId><![CDATA[%s]]></TemplateId>"+
		"<SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene>0</PopupScene></List>"+
		"</SubscribeMsgPopupEvent></xml>", person(n), time.Now().Unix(), template)
}

const (
	relaySeconds = 20
	primaryTakes = 20 * time.Millisecond
)

// measureRelay has one process take receipts that the company's own handler answers.
func measureRelay(ctx context.Context, w *world) error {
	if err := w.newStore(ctx); err != nil {
		return err
	}
	var answered atomic.Int64
	primary := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(primaryTakes)
		answered.Add(1)
		_, _ = io.WriteString(out, "success")
	}))
	defer primary.Close()
	file := filepath.Join(w.dir, "wxcast.yaml")
	relay := fmt.Sprintf("accounts: {default: {relay: {primary: %q}}}\n", primary.URL)
	if err := os.WriteFile(file, []byte(relay), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(file) }() // the others measure without it
	stays, address, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer stays.kill()
	w.say("%d events a second for %d s, each answered by a handler that takes %s", callbackRate, relaySeconds,
		primaryTakes)
	c := &callbacks{token: w.sim.Token, path: receiptsDoor, event: receiptEvent, addrs: []string{address},
		client: &http.Client{Timeout: 5 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: relaySenders}}}
	used, begun := w.watchPostgres(ctx), time.Now()
	atRate(ctx, callbackRate, callbackRate*relaySeconds, relaySenders,
		func(i int, due time.Time) { c.send(ctx, i, due) })
	if err := ctx.Err(); err != nil {
		return err
	}
	u := usage{wall: time.Since(begun), postgres: used()}
	w.row("events, relayed", callbackRate*relaySeconds, u,
		func(r *Row) { r.Processes, r.InFlight, r.Ceiling = 1, relaySenders, callbackRate })
	w.none("events that the handler did not answer at once", callbackRate*relaySeconds-int(answered.Load()))
	return w.checkCallbacks(ctx, c, 100)
}

// relaySenders are more than of events that are only kept: each waits for the handler.
const relaySenders = 256

// checkCallbacks holds what was answered against what is in the store.
func (w *world) checkCallbacks(ctx context.Context, c *callbacks, within float64) error {
	db, err := w.open()
	if err != nil {
		return err
	}
	defer db.Close()
	count := func(where string) (n int, err error) {
		return n, db.QueryRowContext(ctx, "SELECT COUNT(*) FROM callbacks "+where).Scan(&n)
	}
	stored, err := count("")
	if err != nil {
		return err
	}
	if len(c.took) == 0 {
		return errors.New("no event was answered")
	}
	slices.Sort(c.took)
	part := func(share float64) float64 {
		return float64(c.took[int(share*float64(len(c.took)-1))].Microseconds()) / 1000
	}
	w.Say("  half answered within %.1f ms, 99.9 %% within %.1f ms", part(0.5), part(0.999))
	w.atMost("99 % of the events answered within", part(0.99), within, "ms")
	w.none("events never answered, or answered and not kept", c.lost+max(0, len(c.took)-stored))
	left := 0
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if left, err = count("WHERE applied_at IS NULL"); err != nil || left == 0 {
			break
		}
	}
	w.none("events not applied 20 s later", left)
	return err
}

// server is a wxcast serve.
type server struct {
	cmd  *exec.Cmd
	once sync.Once
}

func (s *server) kill() {
	s.once.Do(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
}

// serve starts a wxcast serve, and returns its address.
func (w *world) serve(ctx context.Context) (*server, string, error) {
	cmd := exec.CommandContext(ctx, w.Binary, "serve")
	cmd.Env, cmd.Dir = append(slices.Clip(w.env), "WXCAST_SERVE_LISTEN=127.0.0.1:0", "WXCAST_SERVE_SYNC_AT=off",
		"WXCAST_TOKEN="+w.sim.Token, "WXCAST_MINI_TOKEN="+w.sim.MiniToken), w.dir
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	_, address, ok := strings.Cut(first, " at http://")
	if err != nil || !ok {
		_ = cmd.Process.Kill()
		return nil, "", errors.Join(fmt.Errorf("it does not serve: %s", first), err)
	}
	address, _, _ = strings.Cut(address, ";")
	go func() { // what goes wrong is worth knowing
		for line, err := "", error(nil); err == nil; line, err = lines.ReadString('\n') {
			if strings.Contains(line, "level=ERROR") {
				w.say("%s", strings.TrimSpace(line))
			}
		}
	}()
	return &server{cmd: cmd}, address, nil
}

// callbacks sends events as WeChat does, at a rate, each again to another address when
// it was not answered, and keeps how long each took from when it was due.
type callbacks struct {
	token  string
	path   string             // of the door
	event  func(n int) string // the nth
	client *http.Client

	mu       sync.Mutex
	addrs    []string
	took     []time.Duration
	answered []int // which of them
	lost     int
}

func (c *callbacks) only(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addrs = []string{address}
}

func (c *callbacks) address(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addrs[n%len(c.addrs)]
}

// tell tells n events at the rate.
func (c *callbacks) tell(ctx context.Context, n int) {
	atRate(ctx, callbackRate, n, callbackSenders, func(i int, due time.Time) { c.send(ctx, i, due) })
}

// atRate does something n times, each when it is due at a rate a second, whoever of so many is
// free: who is late does not put the others off.
func atRate(ctx context.Context, rate, n, at int, do func(i int, due time.Time)) {
	type job struct {
		n   int
		due time.Time
	}
	jobs := make(chan job, 4*rate)
	var all sync.WaitGroup
	for range at {
		all.Go(func() {
			for j := range jobs {
				do(j.n, j.due)
			}
		})
	}
	begun := time.Now()
	for i := 0; i < n && ctx.Err() == nil; i++ {
		due := begun.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		jobs <- job{i, due}
	}
	close(jobs)
	all.Wait()
}

// send tells one event, with up to three repeats, as WeChat does.
func (c *callbacks) send(ctx context.Context, n int, due time.Time) {
	body := c.event(n)
	for try := range 4 {
		if c.post(ctx, c.address(n+try), body) {
			c.mu.Lock()
			c.took, c.answered = append(c.took, time.Since(due)), append(c.answered, n)
			c.mu.Unlock()
			return
		}
	}
	c.mu.Lock()
	c.lost++
	c.mu.Unlock()
}

// post tells whether the event was taken.
func (c *callbacks) post(ctx context.Context, address, body string) bool {
	q := wechat.CallbackTest(url.Values{}, c.token, "", time.Now())
	q.Del("echostr")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+c.path+"?"+q.Encode(),
		strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := c.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK && string(answer) == "success"
}
