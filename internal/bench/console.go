package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	consoleRecipients = 45_000 // of the broadcast that runs meanwhile, paceRate a second
	consoleViewers    = 50
	consoleAlone      = 20 * time.Second // of sending with nobody looking
	consoleLooks      = 40 * time.Second // and with all of them
	consoleCasts      = 200              // that are over
	consolePassword   = "a table under the old lime tree"
)

// measureConsole has 50 people look at the console of a large store while a broadcast runs: each
// has its page open, which asks once a second, and opens another page every two seconds.
func measureConsole(ctx context.Context, w *world) error {
	w.populate(consoleRecipients)
	if err := w.prepare(ctx); err != nil {
		return err
	}
	w.say("%d followers and %d deliveries of %d broadcasts", w.Size, 10*w.Size, consoleCasts)
	if err := w.age(ctx); err != nil {
		return err
	}
	server, address, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer server.kill()
	v := &viewers{base: "http://" + address, took: map[string][]time.Duration{}}
	if err := v.signIn(ctx, w); err != nil {
		return err
	}
	id, err := v.begin(ctx, w)
	if err != nil {
		return err
	}
	w.platform.timed.Store(true)
	defer w.platform.timed.Store(false)
	rate := func(span time.Duration, beside func(context.Context)) (float64, error) {
		ctx, cancel := context.WithTimeout(ctx, span)
		defer cancel()
		before := len(w.platform.arrivals())
		begun := time.Now()
		beside(ctx)
		<-ctx.Done()
		return float64(len(w.platform.arrivals())-before) / time.Since(begun).Seconds(), nil
	}
	for ctx.Err() == nil && len(w.platform.arrivals()) < 2*paceRate { // it is under way
		time.Sleep(50 * time.Millisecond)
	}
	alone, err := rate(consoleAlone, func(context.Context) {})
	if err != nil {
		return err
	}
	w.say("%d people look for %s", consoleViewers, consoleLooks)
	watched, err := rate(consoleLooks, func(ctx context.Context) { v.look(ctx, id) })
	if err != nil {
		return err
	}
	if v.err != nil {
		w.say("a page failed: %v", v.err)
	}
	var all []time.Duration
	for _, took := range v.took {
		all = append(all, took...)
	}
	w.row("pages, 50 viewers", len(all), usage{wall: consoleLooks}, func(r *Row) {
		r.Processes, r.InFlight = 1,
			consoleViewers
	})
	w.atMost("first byte of any page, p95", milliseconds(share95(all)), 200, "ms")
	worst, of := time.Duration(0), ""
	for page, took := range v.took {
		if p := share95(took); p > worst {
			worst, of = p, page
		}
	}
	w.atMost("first byte of the slowest page, p95 ("+of+")", milliseconds(worst), 200, "ms")
	w.atLeast("messages a second with 50 viewers, of those with none", 100*watched/alone, 99, "%")
	w.atLeast("messages a second with none, of 500", 100*alone/paceRate, 99, "%")
	w.none("pages that failed", v.failed)
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// share95 is below which 95 of 100 are.
func share95(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[len(all)*95/100]
}

// age fills the store as years would.
func (w *world) age(ctx context.Context) error {
	db, err := w.open()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range []struct {
		statement string
		args      []any
	}{
		{`INSERT INTO followers (account_id, openid, unionid, subscribed, subscribe_time, first_seen_at, details_at)
			SELECT 1, 'oOLD' || lpad(i::text, 24, '0'), 'uOLD' || i, TRUE, now(), now(), now()
			FROM generate_series(1, $1::int) i`, []any{max(0, w.Size-consoleRecipients)}},
		{`INSERT INTO broadcasts (account_id, mini_id, name, content_hash, spec, audience, message_key, state, rate, fixed,
				created_at, started_at, finished_at)
			SELECT 1, (SELECT MAX(id) FROM apps), 'old-' || i, 'old-' || i, '', '{}', 'old-' || i, 'done', 50, TRUE,
				now() - i * interval '1 day',
				now() - i * interval '1 day', now() - i * interval '1 day' FROM generate_series(1, $1::int) i`, []any{consoleCasts}},
		{`INSERT INTO broadcast_channels (account_id, broadcast_id, channel, position, app_id, api, template_id)
			SELECT 1, id, 'template', 0, 1, $1, 'T' FROM broadcasts WHERE name LIKE 'old-%'`, []any{"/cgi-bin/message/template/send"}},
		{`INSERT INTO deliveries (account_id, broadcast_id, recipient, channel, state, attempts, errcode, msgid, attempted_at,
				receipt)
			SELECT 1, b.id, 'oOLD' || lpad(i::text, 24, '0'), 'template',
				CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'sent' END, 1, CASE WHEN i % 50 = 0 THEN 43004 ELSE 0 END,
				b.id * 10000000 + i, now(), CASE WHEN i % 50 = 0 THEN NULL ELSE 'success' END
			FROM broadcasts b, generate_series(1, $1::int) i WHERE b.name LIKE 'old-%'`, []any{10 * w.Size / consoleCasts}},
		{"VACUUM ANALYZE", nil}, // as it would have been, long ago
		{"CHECKPOINT", nil},
	} {
		if _, err := db.ExecContext(ctx, s.statement, s.args...); err != nil {
			return fmt.Errorf("age the store: %w", err)
		}
	}
	// The counts of what is over were kept ten minutes after its end.
	_, err = w.runJSON(ctx, w.env, "broadcast", "list")
	return err
}

// viewers are people who look at the console.
type viewers struct {
	base   string
	client *http.Client

	mu     sync.Mutex
	took   map[string][]time.Duration // to the first byte, by page
	failed int
	err    error
}

func (v *viewers) signIn(ctx context.Context, w *world) error {
	made, err := w.runJSON(ctx, w.env, "user", "create", "bench", "--role", "admin", "--people")
	if err != nil {
		return err
	}
	link, _ := made.out["link"].(string)
	_, path, ok := strings.Cut(link, "/invitation/")
	if !ok {
		return fmt.Errorf("no link: %v", made.out)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	v.client = &http.Client{Jar: jar, Timeout: 10 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: consoleViewers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return v.post(ctx, "/invitation/"+path, url.Values{"password": {consolePassword}})
}

func (v *viewers) post(ctx context.Context, path string, form url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("%s: %s\n%.300s", path, resp.Status, page)
	}
	return nil
}

var startOffered = regexp.MustCompile(`action="[^"]*/start"`)

// begin makes a broadcast, and starts it as a person does.
func (v *viewers) begin(ctx context.Context, w *world) (id int, err error) {
	file, err := w.spec("watched", paceRate, consoleRecipients)
	if err != nil {
		return 0, err
	}
	made, err := w.runJSON(ctx, w.env, "broadcast", "create", file)
	if err != nil {
		return 0, err
	}
	id = int(made.number("id"))
	path := "/accounts/default/broadcasts/" + strconv.Itoa(id)
	for ctx.Err() == nil { // until its recipients are fixed
		_, page, err := v.get(ctx, path)
		if err != nil {
			return 0, err
		}
		if startOffered.MatchString(page) {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return id, v.post(ctx, path+"/start", url.Values{"recipients": {strconv.Itoa(consoleRecipients)}})
}

// get opens a page, and tells how long its first byte took.
func (v *viewers) get(ctx context.Context, path string) (took time.Duration, page string, err error) {
	begun := time.Now()
	trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { took = time.Since(begun) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, v.base+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%.300s", path, resp.Status, raw)
	}
	return took, string(raw), err
}

// look has all look until ctx ends.
func (v *viewers) look(ctx context.Context, id int) {
	const of = "/accounts/default"
	cast := of + "/broadcasts/" + strconv.Itoa(id)
	pages := map[string]string{
		"overview": "/", "broadcasts": of + "/broadcasts", "older broadcasts": of + "/broadcasts?before=150",
		"running": cast, "ended": of + "/broadcasts/77", "people": of + "/broadcasts/77/people?state=failed",
		"nobody": of + "/broadcasts/77/people?errcode=99", "person": of + "/people/oOLD" + fmt.Sprintf("%024d", 50),
		"remark": of + "/people?q=nobody-has-this", "permits": of + "/permits", "sync": of + "/sync",
		"jobs":    of + "/jobs",
		"reports": of + "/reports", "systems": of + "/systems", "keys": of + "/keys", "audit": of + "/audit",
		"templates": of + "/templates", "presets": of + "/presets", "users": "/users", "me": "/me",
	}
	names := slices.Sorted(maps.Keys(pages))
	var all sync.WaitGroup
	for n := range consoleViewers {
		all.Go(func() {
			time.Sleep(time.Duration(n) * 2 * time.Second / consoleViewers) // not all at the same moment
			for i := 0; ctx.Err() == nil; i++ {
				begun := time.Now()
				v.one(ctx, "live", cast+"/live")
				if i%2 == 0 {
					name := names[(n+i/2)%len(names)]
					v.one(ctx, name, pages[name])
				}
				select {
				case <-ctx.Done():
				case <-time.After(time.Second - time.Since(begun)):
				}
			}
		})
	}
	all.Wait()
}

// one opens a page, and keeps how long it took.
func (v *viewers) one(ctx context.Context, name, path string) {
	took, _, err := v.get(ctx, path)
	if ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.failed++
		v.err = err
		return
	}
	v.took[name] = append(v.took[name], took)
}
