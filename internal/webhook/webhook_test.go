package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/wxcast/wxcast/internal/webhook"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

const (
	secret    = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	oldSecret = "whsec_YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlq"
)

// later is a store whose clock can be moved.
type later struct {
	*store.DB
	by    atomic.Int64
	looks atomic.Int64 // at how far a system is
}

func (l *later) Webhook(ctx context.Context, accountID int64, name string) (wxcast.Webhook, error) {
	defer l.looks.Add(1)
	return l.DB.Webhook(ctx, accountID, name)
}

func (l *later) Now() time.Time        { return l.DB.Now().Add(time.Duration(l.by.Load())) }
func (l *later) move(by time.Duration) { l.by.Add(int64(by)) }
func (l *later) tell(t *testing.T, n int) {
	t.Helper()
	for range n {
		if _, _, err := l.AddOptOuts(t.Context(), 1, []string{fmt.Sprint("x", l.Now().UnixNano())},
			"import"); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *later) alerts(t *testing.T) (keys []string) {
	t.Helper()
	all, err := l.PendingNotices(t.Context(), 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		if keys = append(keys, n.Key); !n.OverAt.IsZero() {
			keys[len(keys)-1] += " over"
		}
	}
	return keys
}

// system is one of the company's: it checks what it is told.
type system struct {
	*httptest.Server
	t    *testing.T
	fail atomic.Pointer[func(w http.ResponseWriter)] // answers in its place; nil: it takes what comes

	mu    sync.Mutex
	taken []string
	calls int
	ids   map[string]string // of each post, its body
}

func newSystem(t *testing.T) *system {
	s := &system{t: t, ids: map[string]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *system) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	id := r.Header.Get("webhook-id")
	if before, again := s.ids[id]; err != nil || id == "" || again && before != string(body) {
		s.t.Errorf("%q has the id %q, as had %q (%v)", body, id, before, err)
	}
	s.ids[id] = string(body)
	for _, with := range []string{secret, oldSecret} {
		// As the specification's own library has it.
		verifier, err := standardwebhooks.NewWebhook(with)
		if err == nil {
			err = verifier.VerifyIgnoringTimestamp(body, r.Header)
		}
		if err != nil {
			s.t.Errorf("the signature: %v", err)
		}
	}
	if fail := s.fail.Load(); fail != nil {
		s.mu.Unlock()
		(*fail)(w)
		s.mu.Lock()
		return
	}
	for line := range bytes.Lines(body) {
		var e struct{ Cursor string }
		if err := json.Unmarshal(line, &e); err != nil {
			s.t.Errorf("%s: %v", line, err)
		}
		s.taken = append(s.taken, e.Cursor)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *system) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.taken...)
}

func (s *system) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// answers makes the system answer so from now on; nil: it takes what comes.
func (s *system) answers(with func(w http.ResponseWriter)) {
	if with == nil {
		s.fail.Store(nil)
		return
	}
	s.fail.Store(&with)
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, "no "+secret[:6], code) }
}

// sends runs a sender to a system until the returned function is called.
func (s *system) sends(t *testing.T, db *later, name, worker string, lines bool) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	sender := &webhook.Sender{Store: db, Client: &http.Client{Timeout: 500 * time.Millisecond},
		Line: webhook.Line{AccountID: 1, Account: "shop", Name: name, Worker: worker,
			Log: slog.New(slog.DiscardHandler)},
		Endpoint: webhook.Endpoint{URL: s.URL, Secrets: []string{secret, oldSecret}, Lines: lines},
		Encode: func(e wxcast.Event) []byte {
			return fmt.Appendf(nil, `{"cursor":"%d","type":%q,"data":%s}`, e.Seq, e.Type, e.Data)
		}}
	var running sync.WaitGroup
	running.Go(func() { sender.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

// begins notes where an endpoint begins: at what happens next.
func (l *later) begins(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := l.Webhook(t.Context(), 1, name); err != nil {
			t.Fatal(err)
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 seconds", what)
		}
	}
}

// inOrder tells whether events came in their order from one to another, repeats aside.
func inOrder(cursors []string, from, to int) error {
	want := from
	for _, c := range cursors {
		switch {
		case c == fmt.Sprint(want):
			want++
		case want == from || c != fmt.Sprint(want-1):
			return fmt.Errorf("%s came where %d was to come: %v", c, want, cursors)
		}
	}
	if want != to+1 {
		return fmt.Errorf("%d of %d to %d came: %v", want-from, from, to, cursors)
	}
	return nil
}

func each(t *testing.T, do func(t *testing.T, db *later)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if id, err := db.EnsureApp(t.Context(), "wxaccount", wxcast.KindOfficialAccount); err != nil || id != 1 {
			t.Fatal(id, err)
		}
		do(t, &later{DB: db})
	})
}

// One system takes all, one takes many at once, one hangs and one fails: each for itself.
func TestEachSystemGetsEveryEventInOrder(t *testing.T) {
	each(t, func(t *testing.T, db *later) {
		db.tell(t, 1) // before they are there
		names := []string{"healthy", "lines", "hangs", "fails", "fails-lines"}
		db.begins(t, names...)
		systems := map[string]*system{}
		hang := make(chan struct{})
		for _, name := range names {
			s := newSystem(t)
			systems[name] = s
			switch name {
			case "hangs":
				s.answers(func(http.ResponseWriter) { <-hang })
			case "fails", "fails-lines":
				s.answers(status(http.StatusInternalServerError))
			}
			t.Cleanup(s.sends(t, db, name, "w", strings.HasSuffix(name, "lines")))
		}
		t.Cleanup(func() { close(hang) }) // before the systems close
		db.tell(t, 1)
		eventually(t, "a try", func() bool { return systems["fails-lines"].called() > 0 })
		db.tell(t, 299)
		for _, name := range []string{"healthy", "lines"} {
			eventually(t, name, func() bool { return len(systems[name].got()) == 300 })
			if err := inOrder(systems[name].got(), 2, 301); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if calls := systems["lines"].called(); calls > 100 {
			t.Errorf("300 events in %d posts of lines", calls)
		}
		eventually(t, "fails", func() bool { return systems["fails"].called() > 1 })
		for name, why := range map[string]string{"fails": "it answers with status 500: no whsec_",
			"hangs": "it does not answer"} {
			hook, err := db.Webhook(t.Context(), 1, name)
			if err != nil || hook.Seq != 1 || hook.Tries == 0 || !strings.HasPrefix(hook.Why, why) {
				t.Errorf("%s: %+v, %v", name, hook, err)
			}
		}
		if alerts := db.alerts(t); len(alerts) != 0 {
			t.Errorf("people are told at once: %v", alerts)
		}
		db.move(time.Hour)
		eventually(t, "alerts", func() bool { return len(db.alerts(t)) >= 2 })
		systems["fails"].answers(nil)
		systems["fails-lines"].answers(nil)
		db.move(time.Hour)
		// The first, which was posted alone, comes again alone: by the same id, the same.
		eventually(t, "fails-lines", func() bool { return len(systems["fails-lines"].got()) >= 300 })
		if err := inOrder(systems["fails-lines"].got(), 2, 301); err != nil ||
			systems["fails-lines"].ids["evt_shop_2-2"] == "" {
			t.Errorf("%v; the first post was %v", err, systems["fails-lines"].ids)
		}
		eventually(t, "fails", func() bool { return len(systems["fails"].got()) >= 300 })
		if err := inOrder(systems["fails"].got(), 2, 301); err != nil {
			t.Error(err)
		}
		if got := systems["healthy"].got(); len(got) != 300 {
			t.Errorf("the healthy one was told %d times", len(got))
		}
	})
}

// An endpoint that is away for four days is set aside after three, and resumed by a person.
func TestAnEndpointIsSetAsideAndResumed(t *testing.T) {
	each(t, func(t *testing.T, db *later) {
		db.begins(t, "crm")
		s := newSystem(t)
		s.answers(status(http.StatusBadGateway))
		t.Cleanup(s.sends(t, db, "crm", "w", false))
		db.tell(t, 5)
		eventually(t, "a try", func() bool { return s.called() > 0 })
		aside := func() bool {
			hook, err := db.Webhook(t.Context(), 1, "crm")
			return err == nil && !hook.SetAsideAt.IsZero()
		}
		for range 4 {
			if aside() {
				t.Fatal("it was set aside within three days")
			}
			before := s.called()
			db.move(17 * time.Hour)
			eventually(t, "a try", func() bool { return s.called() > before })
		}
		db.move(24 * time.Hour)
		eventually(t, "it is set aside", aside)
		if alerts := strings.Join(db.alerts(t), " "); !strings.Contains(alerts, "webhook:crm:aside") {
			t.Errorf("people are told of %s", alerts)
		}
		calls := s.called()
		s.answers(nil)
		db.move(24 * time.Hour)
		looked := db.looks.Load()
		eventually(t, "it is looked at twice more", func() bool { return db.looks.Load() >= looked+2 })
		if s.called() != calls {
			t.Error("it is tried although it is set aside")
		}
		if err := db.ResumeWebhook(t.Context(), 1, "crm", 0); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it takes them", func() bool { return len(s.got()) == 5 })
		if err := inOrder(s.got(), 1, 5); err != nil {
			t.Error(err)
		}
		// Again from a cursor.
		if err := db.ResumeWebhook(t.Context(), 1, "crm", 3); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a replay", func() bool { return len(s.got()) == 7 })
	})
}

// Events that were not kept for an endpoint are told, and it goes on with the next.
func TestAnEndpointThatComesTooLateIsToldOf(t *testing.T) {
	each(t, func(t *testing.T, db *later) {
		db.begins(t, "crm")
		db.tell(t, 3)
		if _, err := db.EventEnds(t.Context(), 1); err != nil { // they have their numbers
			t.Fatal(err)
		}
		if _, err := db.KeepHouse(t.Context(), 1, wxcast.Retention{Events: time.Nanosecond}); err != nil {
			t.Fatal(err)
		}
		db.tell(t, 2)
		s := newSystem(t)
		t.Cleanup(s.sends(t, db, "crm", "w", false))
		eventually(t, "the others", func() bool { return len(s.got()) == 2 })
		if err := inOrder(s.got(), 4, 5); err != nil {
			t.Error(err)
		}
		if alerts := strings.Join(db.alerts(t), " "); alerts != "webhook:crm:gone" {
			t.Errorf("people are told of %q", alerts)
		}
	})
}

// Of several processes one posts; when it stops, another goes on.
func TestOneProcessPosts(t *testing.T) {
	each(t, func(t *testing.T, db *later) {
		db.begins(t, "crm")
		s := newSystem(t)
		stop := s.sends(t, db, "crm", "first", false)
		t.Cleanup(s.sends(t, db, "crm", "second", false))
		db.tell(t, 100)
		eventually(t, "half of them", func() bool { return len(s.got()) > 50 })
		stop()
		db.tell(t, 50)
		eventually(t, "all of them, in order", func() bool { return inOrder(s.got(), 1, 150) == nil })
		if len(s.got()) > 151 { // what was on its way when the first one stopped
			t.Errorf("%d posts", len(s.got()))
		}
	})
}

// A callback that is always refused holds up its person alone, and is given up after three days.
func TestACallbackThatIsRefusedHoldsUpNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, db *later) {
		var mu sync.Mutex
		var heard []string
		system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			if string(body) == "poison" {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			heard = append(heard, string(body)+r.URL.RawQuery)
		}))
		t.Cleanup(system.Close)
		got := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(heard)
		}
		add := func(person, body string) {
			t.Helper()
			if err := db.AddRelays(t.Context(), 1, []wxcast.Relay{{To: "relay:crm", OpenID: wxcast.OpenID(person),
				Query: "q=1", Body: []byte(body)}}); err != nil {
				t.Fatal(err)
			}
		}
		add("o-poison", "poison")
		add("o-poison", "behind it")
		for i := range 30 {
			add(fmt.Sprint("o-", i%7), fmt.Sprint(i, " "))
		}
		r := &webhook.Relay{Store: db, Client: webhook.NewRelayClient(), URL: system.URL,
			Line: webhook.Line{AccountID: 1, Account: "shop", Name: "relay:crm", Worker: "w",
				Log: slog.New(slog.DiscardHandler)}}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx) })
		t.Cleanup(func() { stop(); running.Wait() })
		eventually(t, "the others", func() bool { return got() == 30 })
		mu.Lock()
		last := map[int]int{}
		for _, one := range heard {
			var n int
			if _, err := fmt.Sscanf(one, "%d q=1", &n); err != nil || n < last[n%7] {
				t.Errorf("%q after %d: %v", one, last[n%7], err)
			}
			last[n%7] = n
		}
		mu.Unlock()
		db.move(webhook.SetAsideAfter)
		eventually(t, "what is behind it", func() bool { return got() == 31 })
		// By the clock that was moved it may be over already: the store's own was not.
		if alerts := db.alerts(t); len(alerts) != 1 || !strings.HasPrefix(alerts[0], "webhook:relay:crm:given_up") {
			t.Errorf("people are told of %v", alerts)
		}
		if hook, err := db.Webhook(t.Context(), 1, "relay:crm"); err != nil || hook.Tries != 0 {
			t.Errorf("%+v, %v", hook, err)
		}
	})
}

// An endpoint that says 410 wants no more.
func TestAnEndpointCanEndIt(t *testing.T) {
	each(t, func(t *testing.T, db *later) {
		db.begins(t, "crm")
		s := newSystem(t)
		s.answers(status(http.StatusGone))
		t.Cleanup(s.sends(t, db, "crm", "w", true))
		db.tell(t, 1)
		eventually(t, "it is set aside", func() bool {
			hook, err := db.Webhook(t.Context(), 1, "crm")
			return err == nil && !hook.SetAsideAt.IsZero()
		})
	})
}

func TestPrivateAddressesAreNotPostedTo(t *testing.T) {
	reached := 0
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer private.Close()
	post := func(client *http.Client, url string) error {
		return webhook.Post(t.Context(), client, webhook.Endpoint{URL: url, Secrets: []string{secret}}, "id",
			time.Now(),
			"application/json", []byte("{}"))
	}
	port := private.URL[strings.LastIndex(private.URL, ":"):]
	for _, url := range []string{private.URL, "http://localhost" + port, "http://[::1]" + port, "http://10.0.0.1",
		"http://169.254.169.254/latest", "http://100.100.100.200", "http://192.168.1.1", "http://0.0.0.0" + port,
		"http://[::ffff:127.0.0.1]" + port, "http://[fe80::1]", "http://[fd00::1]", "http://[64:ff9b::7f00:1]"} {
		err := post(webhook.NewClient(false), url)
		if err == nil || !strings.Contains(err.Error(), "is not a public address") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if reached > 0 {
		t.Errorf("%d posts came", reached)
	}
	if err := post(webhook.NewClient(true), private.URL); err != nil || reached != 1 {
		t.Errorf("where they are allowed: %v", err)
	}
	away := httptest.NewServer(http.RedirectHandler(private.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	if err := post(webhook.NewClient(true), away.URL); err == nil || reached != 1 {
		t.Errorf("a redirect: %v, %d posts came", err, reached)
	}
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	if err := post(webhook.NewClient(true), endless.URL); err != nil {
		t.Errorf("an endless answer: %v", err)
	}
	if err := post(webhook.NewClient(true), "http://nobody:s3cret@127.0.0.1:1/key"); err == nil ||
		strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "key") {
		t.Errorf("the error shows the address: %v", err)
	}
}
