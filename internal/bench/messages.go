package bench

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/together"
)

const (
	messageSeconds = 60
	messageSenders = 256
	// messageTries are how often a caller asks again, a while apart, who is not answered.
	messageTries = 40
	messageRest  = 100 * time.Millisecond
	// acceptFor is how long it is measured how many messages are accepted at most.
	acceptFor = 5 * time.Second
	// laneRate is what the account may send a second: more than the messages and the broadcast
	// beside them make of it.
	laneRate = 1500
)

// measureMessages measures single messages beside a broadcast: how soon they are accepted, and
// how soon they leave, while processes are killed. Before that it measures how many are accepted
// at most, beside bare handlers that keep each.
func measureMessages(ctx context.Context, w *world) error {
	rate, kills := 1000, 2
	if w.engine == sqlite {
		rate, kills = 300, 0
	}
	w.env = nil
	if err := w.prepare(ctx); err != nil {
		return err
	}
	w.env = append(w.env, fmt.Sprintf("WXCAST_BROADCAST_RATE=%d", laneRate))
	m, err := w.messenger(ctx)
	if err != nil {
		return err
	}
	defer m.stop()
	for range 1 + min(kills, 1) {
		if err := m.start(ctx); err != nil {
			return err
		}
	}
	if err := w.measureAccept(ctx, m); err != nil {
		return err
	}
	if err := w.settleWAL(ctx); err != nil {
		return err
	}
	spec := filepath.Join(w.dir, "beside.yaml")
	text := fmt.Sprintf("name: beside\ntemplate: %s\ndata: {thing1: 上新提醒, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: pages/beside}\n",
		w.sim.TemplateID)
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		return err
	}
	made, err := w.run(ctx, "broadcast", "create", spec)
	if err != nil {
		return err
	}
	// By a process of wxcast serve: the command would send it itself.
	start := fmt.Sprintf("http://%s/api/v1/broadcasts/%.0f/start", m.address(0), made.number("id"))
	if status, answer := m.post(ctx, start, nil); status != http.StatusOK {
		return fmt.Errorf("the broadcast does not begin: %d %.300s", status, answer)
	}
	w.say("%d messages a second for %d s beside a broadcast to %d, %d processes killed", rate, messageSeconds, w.Size,
		kills)
	for i := range kills {
		time.AfterFunc(time.Duration(i+1)*messageSeconds*time.Second/time.Duration(kills+1), func() { m.killOne(ctx) })
	}
	w.platform.ledger.Store(true)
	defer w.platform.ledger.Store(false)
	before, used, begun := w.sentBeside(), w.watchPostgres(ctx), time.Now()
	atRate(ctx, rate, rate*messageSeconds, messageSenders, func(i int, due time.Time) { m.send(ctx, i, due) })
	u := usage{wall: time.Since(begun), postgres: used()}
	if err := ctx.Err(); err != nil {
		return err
	}
	w.Say("  the broadcast sent %.0f a second beside them", float64(w.sentBeside()-before)/u.wall.Seconds())
	w.row("messages", rate*messageSeconds, u, func(r *Row) {
		r.Processes, r.InFlight, r.Ceiling = 1+min(kills, 1), messageSenders, float64(rate)
	})
	return m.check(ctx)
}

// settleWAL lets Postgres use the files of its log again, as one does that has been at work for a
// while. A new one makes a file of 16 MiB every few seconds, and no commit ends in the 50 to 80 ms
// that its disk takes for that.
func (w *world) settleWAL(ctx context.Context) error {
	if w.engine != postgres {
		return nil
	}
	db, err := w.open()
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "CHECKPOINT")
	return err
}

// sentBeside is how many people the broadcast has reached.
func (w *world) sentBeside() (n int) {
	for sent := range w.sim.Messages() {
		if sent.PagePath == "pages/beside" {
			n++
		}
	}
	return n
}

// messenger is a company's program that sends single messages.
type messenger struct {
	w       *world
	keys    []string // used in turn, as one may be used so often a second
	turn    atomic.Int64
	client  *http.Client
	openids []string

	mu       sync.Mutex
	servers  []*server
	addrs    []string
	took     []time.Duration
	accepted map[int]time.Time
	refused  int
	why      string
}

func (w *world) messenger(ctx context.Context) (*messenger, error) {
	keys := make([]string, 4)
	for i := range keys {
		made, err := w.run(ctx, "key", "create", fmt.Sprintf("bench-%d", i+1), "--scope", "send")
		if err != nil {
			return nil, err
		}
		keys[i], _ = made.out["key"].(string)
	}
	m := &messenger{w: w, keys: keys, accepted: map[int]time.Time{}, client: &http.Client{Timeout: 10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: messageSenders}}}
	for openid := range w.sim.Followers() {
		m.openids = append(m.openids, openid)
	}
	return m, nil
}

func (m *messenger) start(ctx context.Context) error {
	s, address, err := m.w.serve(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.servers, m.addrs = append(m.servers, s), append(m.addrs, address)
	return nil
}

func (m *messenger) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.servers {
		s.kill()
	}
}

// killOne kills the oldest process, and starts another.
func (m *messenger) killOne(ctx context.Context) {
	m.mu.Lock()
	victim := m.servers[0]
	m.servers, m.addrs = m.servers[1:], m.addrs[1:]
	m.mu.Unlock()
	victim.kill()
	if err := m.start(ctx); err != nil && ctx.Err() == nil {
		m.w.Say("  %v", err)
	}
}

func (m *messenger) address(n int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.addrs[n%len(m.addrs)]
}

// body asks for the nth message, as a program does that writes the values into the spec.
func (m *messenger) body(n int, key string) []byte {
	return fmt.Appendf(nil,
		`{"spec":{"name":"order","template":%q,"data":{"thing1":"订单 %d 已发货","time2":"2026-11-30 10:00"},"miniprogram":{"pagepath":"pages/order?id=%d"}},"to":%q,"key":%q}`,
		m.w.sim.TemplateID, n, n, m.openids[n%len(m.openids)], key)
}

// post asks once, and tells the status; 0 where there was no answer.
func (m *messenger) post(ctx context.Context, url string, body []byte) (status int, answer string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+m.keys[int(m.turn.Add(1))%len(m.keys)])
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(raw)
}

// send asks for a message, again where it was not answered.
func (m *messenger) send(ctx context.Context, n int, due time.Time) {
	body := m.body(n, fmt.Sprintf("order-%d", n))
	status, answer := 0, ""
	for try := range messageTries {
		status, answer = m.post(ctx, "http://"+m.address(n+try)+"/api/v1/messages", body)
		if status == http.StatusAccepted || status == http.StatusOK {
			now := time.Now()
			m.mu.Lock()
			m.took, m.accepted[n] = append(m.took, now.Sub(due)), now
			m.mu.Unlock()
			return
		}
		if status != 0 && status < 500 || ctx.Err() != nil {
			break
		}
		time.Sleep(messageRest)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused, m.why = m.refused+1, fmt.Sprintf("%d %s", status, answer)
}

// check holds what was accepted against what people have.
func (m *messenger) check(ctx context.Context) error {
	w := m.w
	if m.refused > 0 {
		w.Say("  one that was not accepted: %.300s", m.why)
	}
	w.none("messages that were not accepted", m.refused)
	if len(m.took) == 0 {
		return errors.New("no message was accepted")
	}
	part := func(all []time.Duration, share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))].Microseconds()) / 1000
	}
	slices.Sort(m.took)
	w.Say("  half accepted within %.1f ms, 99.9 %% within %.1f ms", part(m.took, 0.5), part(m.took, 0.999))
	w.atMost("99 % of the messages accepted within", part(m.took, 0.99), 50, "ms")
	var left []time.Duration
	lost, twice := 0, 0
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		left, lost, twice = m.held()
		if lost == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
	}
	slices.Sort(left)
	if len(left) > 0 {
		w.Say("  90 %% left within %.0f ms, 99.9 %% within %.0f ms", part(left, 0.9), part(left, 0.999))
		w.atMost("half of the messages left within", part(left, 0.5), 150, "ms")
		w.atMost("99 % of the messages left within", part(left, 0.99), 1000, "ms")
	}
	w.none("messages that were accepted and did not leave", lost)
	w.none("messages that left twice", twice)
	return ctx.Err()
}

// held are the times from each message's acceptance to its call.
func (m *messenger) held() (left []time.Duration, lost, twice int) {
	times := map[int]int{}
	for sent := range m.w.sim.Messages() {
		id, ok := strings.CutPrefix(sent.PagePath, "pages/order?id=")
		n, err := strconv.Atoi(id)
		if !ok || err != nil {
			continue
		}
		m.mu.Lock()
		at, accepted := m.accepted[n]
		m.mu.Unlock()
		if times[n]++; times[n] == 1 && accepted {
			left = append(left, max(0, sent.At.Sub(at)))
		}
	}
	for n := range m.accepted {
		switch {
		case times[n] == 0:
			lost++
		case times[n] > 1:
			twice++
		}
	}
	return left, lost, twice
}

// measureAccept measures how many messages are accepted a second at most, beside bare handlers:
// one that commits each request alone, and one that commits together what comes at a time.
func (w *world) measureAccept(ctx context.Context, m *messenger) error {
	w.say("messages accepted as fast as they go by one process, and by bare handlers")
	// They are due in an hour: what is measured is how they come in.
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	ours := func(n int) []byte {
		body := m.body(n+1_000_000, "")
		return append(body[:len(body)-1], fmt.Sprintf(`,"at":%q}`, later)...)
	}
	used, begun := w.watchPostgres(ctx), time.Now()
	n, err := m.flood(ctx, "http://"+m.address(0)+"/api/v1/messages", ours)
	if err != nil {
		return err
	}
	u := usage{wall: time.Since(begun), postgres: used()}
	alone, err := w.bareAccept(ctx, m, 1)
	if err != nil {
		return err
	}
	together, err := w.bareAccept(ctx, m, messageSenders)
	if err != nil {
		return err
	}
	r := w.row("accepted", n, u, func(r *Row) { r.InFlight, r.Ceiling, r.Naive = messageSenders, together, alone })
	w.Say("  a handler that commits each alone: %.0f a second; together: %.0f", alone, together)
	w.atLeast("accepted, of what a handler does that commits each alone", r.PerSecond/alone, 0.5, "x")
	return nil
}

// flood asks as fast as it is answered, and returns how many were accepted.
func (m *messenger) flood(ctx context.Context, url string, body func(n int) []byte) (int, error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	next, done, why := 0, 0, ""
	begun := time.Now()
	for range messageSenders {
		all.Go(func() {
			for time.Since(begun) < acceptFor && ctx.Err() == nil {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				status, answer := m.post(ctx, url, body(n))
				mu.Lock()
				if status == http.StatusAccepted {
					done++
				} else {
					why = fmt.Sprintf("%d %s", status, answer)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if why != "" {
		return done, fmt.Errorf("a message is not accepted: %.300s", why)
	}
	return done, ctx.Err()
}

// barePool are the connections of a bare handler, which keeps them, as who writes one would have it:
// without, it opens one for most requests, and more than Postgres takes.
const barePool = 20

// bareAccept is how many messages a second a handler accepts that does nothing but decode and
// keep them, so many in a commit.
func (w *world) bareAccept(ctx context.Context, m *messenger, inCommit int) (float64, error) {
	db, err := w.open()
	if err != nil {
		return 0, err
	}
	defer db.Close()
	pool := barePool
	if w.engine == sqlite {
		pool = 1
	}
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS bare (recipient TEXT, body TEXT)"); err != nil {
		return 0, err
	}
	keep := func(ctx context.Context, all []string) ([]struct{}, error) {
		return make([]struct{}, len(all)), insertBodies(ctx, db, all)
	}
	queue := together.New(inCommit, messageRest*100, keep)
	running, stop := context.WithCancel(ctx)
	defer stop()
	go queue.Run(running)
	base, close, err := listen(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		var body map[string]any
		raw, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(raw, &body)
		}
		if err == nil && inCommit == 1 {
			err = insertBodies(r.Context(), db, []string{string(raw)})
		} else if err == nil {
			_, err = queue.Put(r.Context(), string(raw))
		}
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		out.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(out, `{"id":1,"state":"pending"}`)
	}))
	if err != nil {
		return 0, err
	}
	defer close()
	begun := time.Now()
	n, err := m.flood(ctx, base, func(n int) []byte { return m.body(n, "") })
	return float64(n) / time.Since(begun).Seconds(), err
}

func insertBodies(ctx context.Context, db *sql.DB, all []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	for _, body := range all {
		if _, err := tx.ExecContext(ctx, "INSERT INTO bare (recipient, body) VALUES ($1, $2)", "someone",
			body); err != nil {
			return err
		}
	}
	return tx.Commit()
}
