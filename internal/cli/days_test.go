package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest"
)

// calendar is a bench whose processes and platform live in a time that the test moves.
type calendar struct {
	*bench
	ahead    time.Duration
	setStore func(ahead time.Duration) // the clock of a Postgres
}

// to moves the time on to a Beijing time of the day.
func (c *calendar) to(t *testing.T, day time.Time, clock string) {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", day.Format(time.DateOnly)+" "+clock, beijing)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // what is under way was signed in the time before
	by := at.Sub(time.Now().Add(c.ahead))
	if by < 0 {
		t.Fatalf("%v is over", at)
	}
	c.ahead += by
	c.sim.MoveClock(by)
	seen := 50 * time.Millisecond
	if c.setStore != nil {
		c.setStore(c.ahead)
		seen = 1500 * time.Millisecond // the processes look at the store's clock each second
	}
	// At once: a process must not read half a file.
	c.write(t, "clock.new", c.ahead.String())
	if err := os.Rename(c.file("clock.new"), c.file("clock")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(seen)
}

// ask is the JSON of a command that lives in that time.
func (c *calendar) ask(t *testing.T, args ...string) map[string]any {
	t.Helper()
	cmd := c.process(append(args, "--json")...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	_ = cmd.Run()
	return output{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}.json(t)
}

// balancer passes requests on to a replica that answers, as soon as there is one.
type balancer struct {
	mu       sync.Mutex
	replicas []*replica
}

func (b *balancer) set(replicas ...*replica) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicas = append([]*replica(nil), replicas...)
}

func (b *balancer) all() []*replica {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replicas
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	for deadline := time.Now().Add(4 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		for _, to := range b.all() {
			req, err := http.NewRequestWithContext(r.Context(), r.Method, to.base+r.URL.RequestURI(),
				bytes.NewReader(body))
			if err != nil {
				continue
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue
			}
			w.WriteHeader(resp.StatusCode)
			_, _ = io.Copy(w, resp.Body)
			_ = resp.Body.Close()
			return
		}
	}
	w.WriteHeader(http.StatusBadGateway)
}

// Three days of two replicas, of which one is killed each day (on SQLite one, which is
// started again): syncs at night, a broadcast
// that needs all three days' quota, receipts, people who leave and come, a report each
// morning, alerts. All of it as the platform's ledger says.
func TestThreeDaysOfTwoReplicasOfWhichOneIsKilledEachDay(t *testing.T) {
	long(t)
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		const followers, daily = 2300, 1000 // what the killed left in doubt costs some quota again
		c := &calendar{bench: newBench(t, url, simulator.Options{Followers: followers, Seed: 71,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
			Knobs: simulator.Knobs{DailyLimits: map[string]int64{wechat.TemplateSendAPI: daily}, UserBlock: 0.1,
				ReceiptDelay: simulator.Duration(500 * time.Millisecond), CallbackTries: 10}}),
			setStore: storetest.Clock(t, url)}
		if o := c.run(t, "import", c.file("mini.csv")); o.code != 0 {
			t.Fatalf("%+v", o)
		}
		var told struct {
			sync.Mutex
			n    map[string]int
			over map[string]bool // what was said last
		}
		told.n, told.over = map[string]int{}, map[string]bool{}
		chat := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var said struct {
				Key  string `json:"key"`
				Over bool   `json:"over"`
			}
			if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
				t.Error(err)
			}
			told.Lock()
			defer told.Unlock()
			told.n[fmt.Sprint(said.Key, " ", said.Over)]++
			told.over[said.Key] = said.Over
		}))
		t.Cleanup(chat.Close)
		c.env["WXCAST_SERVE_LISTEN"], c.env[clockFile] = "127.0.0.1:0", c.file("clock")
		c.env["WXCAST_NOTIFY_KIND"], c.env["WXCAST_NOTIFY_URL"] = "json", chat.URL
		c.env["WXCAST_ENCODING_AES_KEY"] = c.sim.EncodingAESKey
		c.env["WXCAST_ONLY_SENDER"] = "true" // a receipt ends the doubts that the killed leave
		today := time.Now().In(beijing).AddDate(0, 0, 1)
		c.to(t, today, "00:30:00")
		front := &balancer{}
		address := httptest.NewServer(front)
		t.Cleanup(address.Close)
		c.sim.SetKnobs(func(k *simulator.Knobs) {
			k.CallbackURL, k.CallbackMode = address.URL+"/wechat/default",
				"safe"
		})
		replicas := []*replica{c.serve(t)}
		if !strings.HasPrefix(url, "sqlite:") {
			replicas = append(replicas, c.serve(t))
		}
		front.set(replicas...)

		jobDone := func(job string, due time.Time) {
			t.Helper()
			want := due.UTC().Format(time.RFC3339)
			waitFor(t, job+" of "+want, func() bool {
				for _, run := range c.ask(t, "jobs")["runs"].([]any) {
					if run := run.(map[string]any); run["job"] == job && run["due_at"] == want &&
						run["outcome"] == "done" {
						return true
					}
				}
				return false
			})
		}
		at := func(clock string) time.Time {
			due, err := time.ParseInLocation("2006-01-02 15:04", today.Format(time.DateOnly)+" "+clock, beijing)
			if err != nil {
				t.Fatal(err)
			}
			return due
		}
		first := today
		leaver := 0
		for day := 1; day <= 3; day++ {
			before := c.sim.CallsTo(wechat.TemplateSendAPI)
			c.to(t, today, "02:59:57")
			if day == 1 {
				jobDone("sync", at("03:00"))
				c.write(t, "days.yaml",
					fmt.Sprintf("name: days\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: pages/days}\nrate: 300\n", c.sim.TemplateID))
				c.ask(t, "broadcast", "create", c.file("days.yaml"), "--at", today.Format(time.DateOnly)+" 10:00")
				c.to(t, today, "08:59:57")
				jobDone("report", at("09:00"))
				c.to(t, today, "09:59:57")
			}
			// From the second day on it goes on by itself, as the quota is new.
			waitFor(t, "it is being sent", func() bool { return c.sim.CallsTo(wechat.TemplateSendAPI) > before+100 })
			victim := day % len(replicas)
			_ = replicas[victim].Process.Kill()
			if len(replicas) == 1 {
				replicas[victim] = c.serve(t)
				front.set(replicas...)
			}
			want := "waiting"
			if day == 3 {
				want = "done"
			}
			// A receipt on its way while the clock jumps would be refused as too old.
			waitFor(t, fmt.Sprintf("it is %s on day %d, with all receipts", want, day), func() bool {
				status := c.ask(t, "broadcast", "status", "1")
				return status["state"] == want &&
					number(t, status, "delivered")+number(t, status, "undelivered") == number(t, status, "sent")
			})
			if day > 1 {
				jobDone("sync", at("03:00"))
				c.to(t, today, "08:59:57")
				jobDone("report", at("09:00"))
			}
			if len(replicas) > 1 {
				replicas[victim] = c.serve(t)
				front.set(replicas...)
			}
			// Two leave and are told of, at another time of the day; five come.
			c.to(t, today, "18:00:00")
			for range 2 {
				openid, _ := c.sim.FollowerIDs(followers - 1 - leaver)
				c.sim.Leave(openid)
				leaver++
			}
			c.sim.AddFollowers(5)
			follow := int64(followers + 3*day)
			waitFor(t, "who came and left is known", func() bool {
				return number(t, c.ask(t, "report"), "followers.followers") == follow
			})
			today = today.AddDate(0, 0, 1)
		}
		c.to(t, today, "08:59:57")
		jobDone("report", at("09:00"))

		status, state := c.ask(t, "broadcast", "status", "1"), c.sim.State()
		if number(t, status, "recipients") != followers || number(t, status, "sent") != int64(state.Messages) ||
			state.Duplicates != 0 || number(t, status, "pending")+number(t, status, "unknown") != 0 ||
			number(t, status, "sent")+number(t, status, "failed")+number(t, status, "skipped") != followers {
			t.Errorf("%v beside %+v", status, state)
		}
		if over := state.Calls[wechat.TemplateSendAPI].OverQuota; over != 0 {
			t.Errorf("%d calls beyond the quota", over)
		}
		if state.CallbackLost != 0 || number(t, status, "delivered")+number(t, status, "undelivered") != number(t,
			status, "sent") || number(t, status, "undelivered") < followers/20 {
			t.Errorf("receipts: %v; the platform lost %d", status, state.CallbackLost)
		}
		ledger := map[string]int64{}
		for m := range c.sim.Messages() {
			ledger[m.At.In(beijing).Format(time.DateOnly)]++
		}
		for day := range 3 {
			date := first.AddDate(0, 0, day).Format(time.DateOnly)
			report := c.ask(t, "report", "--day", date)
			send := report["apis"].([]any)[0].(map[string]any)
			if send["api"] != wechat.TemplateSendAPI || number(t, send, "used") < ledger[date] ||
				number(t, send, "used") > daily {
				t.Errorf("%s: %v, the ledger has %d", date, send, ledger[date])
			}
			if number(t, report, "followers.gained") != 5 || number(t, report, "followers.lost") != 2 ||
				number(t, report, "followers.followers") != int64(followers+3*(day+1)) {
				t.Errorf("%s: %v", date, report["followers"])
			}
		}
		waitFor(t, "people are told", func() bool {
			told.Lock()
			defer told.Unlock()
			return told.n["report:"+first.AddDate(0, 0, 2).Format(time.DateOnly)+" false"] == 1 &&
				told.n["broadcast:1 true"] > 0
		})
		told.Lock()
		defer told.Unlock()
		for day := range 3 {
			if n := told.n["report:"+first.AddDate(0, 0, day).Format(time.DateOnly)+" false"]; n != 1 {
				t.Errorf("the report of day %d was told %d times", day+1, n)
			}
		}
		// It waited on two days. A process that is killed in between may tell a thing twice.
		const kills = 3
		if n := told.n["broadcast:1 false"]; n == 0 || n > 2+kills || told.n["broadcast:1 true"] > 2+kills ||
			!told.over["broadcast:1"] {
			t.Errorf("alerts: %v", told.n)
		}
		syncs := map[string]int{}
		for _, run := range c.ask(t, "jobs")["runs"].([]any) {
			if run := run.(map[string]any); run["job"] == "sync" {
				syncs[run["due_at"].(string)]++
				if run["outcome"] != "done" {
					t.Errorf("%v", run)
				}
			}
		}
		for due, n := range syncs {
			if n != 1 {
				t.Errorf("the sync of %s ran %d times", due, n)
			}
		}
		for _, r := range replicas {
			_ = r.Process.Kill()
			<-r.ended
			if strings.Contains(r.said.err, "panic") {
				t.Error(r.said.err)
			}
		}
	})
}
