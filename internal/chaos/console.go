package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

const (
	consoleCasts  = 12 // broadcasts that people make
	consolePeople = 4  // who work at the same time
	// pressedWithin is how long somebody goes on pressing a button, or looking for a page.
	pressedWithin = 60 * time.Second
)

// pressing are people at the console, who press a button again where no answer comes.
type pressing struct {
	*asking // the replicas
	seen    http.Client
	mu      sync.Mutex
	signOut int // how often a session was not known
}

// console: people make broadcasts in the console, and press each button twice, by whichever replica
// answers, while replicas are killed and the store is cut off. Each was made once, and went to
// everybody once.
func (r *round) console(ctx context.Context) error {
	replicas, database, err := 2, "", error(nil)
	if r.rnd.IntN(3) == 0 {
		replicas, database = 1, "sqlite://"+filepath.Join(r.dir, "wxcast.db")
	} else if database, err = r.database(ctx); err != nil {
		return err
	}
	const recipients = 60
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	r.rate = 400
	r.env["WXCAST_BROADCAST_RATE"] = strconv.Itoa(r.rate)
	p := &pressing{asking: &asking{r: r}}
	for range replicas {
		if err := p.begin(); err != nil {
			return err
		}
	}
	if err := p.signIn(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- p.makeAll(ctx, recipients) }()
	faults := append(times(3, p.kill), r.misbehave)
	if replicas > 1 {
		faults = append(faults, r.restartPostgres, r.cutConnections)
	}
	if err := r.inTurn(ctx, faults, p.running, 500*time.Millisecond, 2*time.Second); err != nil {
		return err
	}
	r.sim.SetKnobs(r.heal)
	if err := <-done; err != nil {
		return err
	}
	return p.check(ctx, recipients)
}

// signIn takes an invitation, and keeps the session.
func (p *pressing) signIn(ctx context.Context) error {
	made, err := p.r.ask(ctx, "user", "create", "ops", "--role", "admin", "--people")
	if err != nil {
		return err
	}
	link, _ := made["link"].(string)
	_, link, _ = strings.Cut(link, "/invitation/")
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	p.seen = http.Client{Jar: jar, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	_, err = p.press(ctx, "/invitation/"+link, url.Values{"password": {"a table under the old lime tree"}})
	return err
}

// call asks whichever replica it comes to.
func (p *pressing) call(ctx context.Context, method, path string, form url.Values) (status int, location, page string,
	err error) {
	p.asking.mu.Lock()
	base := p.bases[int(time.Now().UnixNano())%len(p.bases)]
	p.asking.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := p.seen.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	location = resp.Header.Get("Location")
	if err == nil && (strings.HasPrefix(location, "/sign-in") || resp.StatusCode == http.StatusUnauthorized) {
		p.mu.Lock()
		p.signOut++
		p.mu.Unlock()
		err = fmt.Errorf("%s: signed out", path)
	}
	return resp.StatusCode, location, string(raw), err
}

// press presses a button until there is an answer that leads on, and is where to.
func (p *pressing) press(ctx context.Context, path string, form url.Values) (to string, err error) {
	for until := time.Now().Add(pressedWithin); ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		status, location, page, err := p.call(ctx, http.MethodPost, path, form)
		switch {
		case err == nil && status == http.StatusSeeOther:
			return location, nil
		case err == nil && status < 500, time.Now().After(until): // it says why not
			return "", fmt.Errorf("%s: %d %v %s", path, status, err, said(page))
		}
	}
	return "", ctx.Err()
}

// twice presses a button twice at the same moment. Whoever is late may be told that it is done.
func (p *pressing) twice(ctx context.Context, path string, form url.Values) error {
	errs := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := p.press(ctx, path, form)
			errs <- err
		}()
	}
	one, other := <-errs, <-errs
	if one != nil && other != nil {
		return one
	}
	return nil
}

// look opens a page until something is on it, and is what.
func (p *pressing) look(ctx context.Context, path string, want *regexp.Regexp) ([]string, error) {
	var last string
	for until := time.Now().Add(pressedWithin); ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		status, _, page, err := p.call(ctx, http.MethodGet, path, nil)
		if err == nil && status == http.StatusOK {
			if found := want.FindStringSubmatch(page); found != nil {
				return found, nil
			}
		}
		if last = fmt.Sprint(status, " ", err, " ", said(page)); time.Now().After(until) {
			return nil, fmt.Errorf("%s: there is no %s: %s", path, want, last)
		}
	}
	return nil, ctx.Err()
}

var (
	onPage       = regexp.MustCompile(`class="say bad"[^>]*>([^<]*)`)
	draftVersion = regexp.MustCompile(`name="version" value="(\d+)"`)
	draftID      = regexp.MustCompile(`/drafts/(\d+)/`)
	canBegin     = regexp.MustCompile(`action="[^"]*/start"`)
	isOver       = regexp.MustCompile(`class="tag done"`)
)

// said is what a page says that went wrong.
func said(page string) string {
	if found := onPage.FindStringSubmatch(page); found != nil {
		return strings.TrimSpace(found[1])
	}
	return ""
}

const ofAccount = "/accounts/default"

// makeAll has people make all broadcasts.
func (p *pressing) makeAll(ctx context.Context, recipients int) error {
	todo := make(chan int)
	errs := make(chan error, consoleCasts)
	var people sync.WaitGroup
	for range consolePeople {
		people.Go(func() {
			for n := range todo {
				if err := p.make(ctx, n, recipients); err != nil {
					errs <- fmt.Errorf("broadcast %d: %w", n, err)
				}
			}
		})
	}
	for n := range consoleCasts {
		todo <- n
	}
	close(todo)
	people.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// castName is what a broadcast is called.
func castName(n int) string { return fmt.Sprintf("cast-%02d", n) }

// make makes a broadcast from an empty draft to its end.
func (p *pressing) make(ctx context.Context, n, recipients int) error {
	to, err := p.press(ctx, ofAccount+"/drafts", url.Values{})
	if err != nil {
		return err
	}
	draft := draftID.FindStringSubmatch(to)
	if draft == nil {
		return fmt.Errorf("a new draft leads to %s", to)
	}
	at := ofAccount + "/drafts/" + draft[1]
	version, err := p.look(ctx, at+"/yaml", draftVersion)
	if err != nil {
		return err
	}
	spec := fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\n"+
		"miniprogram: {pagepath: \"pages/cast?n=%d\"}\nrate: 100\n", castName(n), p.r.sim.TemplateID, n)
	// Whoever saves again what is saved already is told that the draft has changed.
	form := url.Values{"version": {version[1]}, "spec": {spec}, "go": {"check"}}
	if _, err := p.press(ctx, at+"/yaml", form); err != nil && !strings.Contains(err.Error(), " 409 ") {
		return err
	}
	if version, err = p.look(ctx, at+"/check", draftVersion); err != nil {
		return err
	}
	if err := p.twice(ctx, at+"/submit", url.Values{"version": {version[1]}}); err != nil &&
		!strings.Contains(err.Error(), " 409 ") && !strings.Contains(err.Error(), " 404 ") {
		return err
	}
	link := regexp.MustCompile(`href="([^"]*/broadcasts/\d+)">` + castName(n))
	cast, err := p.look(ctx, ofAccount+"/broadcasts", link)
	if err != nil {
		return err
	}
	if _, err := p.look(ctx, cast[1], canBegin); err != nil {
		return err
	}
	if err := p.twice(ctx, cast[1]+"/start", url.Values{"recipients": {strconv.Itoa(recipients)}}); err != nil &&
		!strings.Contains(err.Error(), " 409 ") { // it has begun
		return err
	}
	for _, button := range []string{"/pause", "/resume", "/pause", "/resume"} {
		// It may be over by now, or stand where the button leads.
		if err := p.twice(ctx, cast[1]+button, url.Values{}); err != nil && !strings.Contains(err.Error(), " 409 ") {
			return err
		}
	}
	_, err = p.look(ctx, cast[1], isOver)
	return err
}

// check holds what people made against the ledger and our books.
func (p *pressing) check(ctx context.Context, recipients int) error {
	r := p.r
	list, err := r.ask(ctx, "broadcast", "list")
	if err != nil {
		return err
	}
	all, _ := list["broadcasts"].([]any)
	made, recipientsOf, states := map[string]int{}, map[string]float64{}, map[string]int{}
	for _, one := range all {
		b, _ := one.(map[string]any)
		name, _ := b["name"].(string)
		state, _ := b["state"].(string)
		sent, _ := b["sent"].(float64)
		made[name[:min(len(name), len(castName(0)))]]++
		recipientsOf[name] += sent
		states[state]++
	}
	again := 0
	for n := range consoleCasts {
		if made[castName(n)] != 1 {
			again++
		}
	}
	r.check("a button pressed twice acts once", again == 0 && len(all) == consoleCasts,
		"%d broadcasts of %d: %v", len(all), consoleCasts, made)
	seen := map[string]int{}
	for m := range r.sim.Messages() {
		seen[m.PagePath+" "+m.OpenID]++
	}
	twice := 0
	for _, n := range seen {
		if n > 1 {
			twice++
		}
	}
	r.messages += len(seen)
	r.check("no one missing", len(seen) == consoleCasts*recipients, "%d of %d messages; %v", len(seen),
		consoleCasts*recipients, states)
	r.check("no one twice", twice == 0, "%d", twice)
	r.check("who has signed in stays so", p.signOut == 0, "%d times somebody was not known", p.signOut)
	c, err := r.do(ctx, []int{0, 1}, "audit", "verify")
	if err != nil {
		return err
	}
	r.check("the audit log is whole", c.ProcessState.ExitCode() == 0, "%s", tail(c.out.String()))
	for _, c := range p.replicas {
		r.end(c)
	}
	return r.checkConnections(ctx)
}
