package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// replica is a wxcast serve at work.
type replica struct {
	*exec.Cmd
	base  string
	ended chan error
	said  *output // its standard error, whole once it has ended
}

func (b *bench) serve(t *testing.T) *replica {
	t.Helper()
	r := &replica{Cmd: b.process("serve"), ended: make(chan error, 1), said: &output{}}
	out, err := r.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill(); <-r.ended })
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	_, address, ok := strings.Cut(first, " at http://")
	if err != nil || !ok {
		rest, _ := io.ReadAll(lines)
		t.Fatalf("it does not serve: %v: %s%s", err, first, rest)
	}
	address, _, _ = strings.Cut(address, ";")
	r.base = "http://" + address
	go func() {
		for {
			line, err := lines.ReadString('\n')
			r.said.err += line
			if err != nil {
				break
			}
			if strings.Contains(line, "level=ERROR") {
				t.Logf("%s: %s", address, strings.TrimSpace(line))
			}
		}
		r.ended <- r.Wait()
		close(r.ended)
	}()
	return r
}

// get is the status and text of one of a replica's pages.
func (r *replica) get(t *testing.T, path string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// createSoon schedules a spec's broadcast for the first time that a machine, however busy, gets
// there before.
func (b *bench) createSoon(t *testing.T, spec string) (created map[string]any, at time.Time) {
	t.Helper()
	for wait := 10 * time.Second; ; wait *= 3 {
		at = time.Now().Add(wait).In(wxcast.Beijing)
		o := b.run(t, "broadcast", "create", spec, "--at", at.Format(time.DateTime), "--json")
		if o.code == 0 || wait > 5*time.Minute {
			return o.json(t), at
		}
	}
}

// patience is for a machine that has much else to do; nothing here is as slow by itself.
const patience = 4 * time.Minute

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// Two replicas sync, join and send what was scheduled, by themselves; one is killed in
// the middle; receipts come; a stop is quick.
func TestServeDoesItAllByItself(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		const followers = 2000
		b := newBench(t, url, simulator.Options{Followers: followers, Seed: 51,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		if o := b.run(t, "import", b.file("mini.csv")); o.code != 0 {
			t.Fatalf("%+v", o)
		}
		b.env["WXCAST_SERVE_LISTEN"] = "127.0.0.1:0"
		b.env["WXCAST_SERVE_SYNC_AT"] = "* * * * *"
		b.env["WXCAST_ENCODING_AES_KEY"] = b.sim.EncodingAESKey
		b.env["WXCAST_LOG_LEVEL"] = "debug"
		first, second := b.serve(t), b.serve(t)
		b.sim.SetKnobs(func(k *simulator.Knobs) {
			k.CallbackURL, k.CallbackMode, k.ReceiptDelay = first.base+"/wechat/default", "safe", simulator.Duration(100*time.Millisecond)
		})
		waitFor(t, "the followers are joined", func() bool {
			return number(t, b.run(t, "report", "--json").json(t), "bridge.joined") == followers
		})
		spec := b.write(t, "night.yaml",
			fmt.Sprintf("name: night\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: pages/night}\nrate: 400\n", b.sim.TemplateID))
		b.createSoon(t, spec)
		waitFor(t, "it is being sent", func() bool { return b.sim.CallsTo(wechat.TemplateSendAPI) > 400 })
		_ = second.Process.Kill()
		waitFor(t, "it is sent, and every receipt has come", func() bool {
			for _, one := range b.run(t, "broadcast", "list", "--json").json(t)["broadcasts"].([]any) {
				if one := one.(map[string]any); one["state"] == "done" && number(t, one, "delivered") == followers {
					return true
				}
			}
			return false
		})
		b.everyoneHasOne(t, "night", followers)

		leaver, _ := b.sim.FollowerIDs(9)
		b.sim.Leave(leaver)
		waitFor(t, "who left is marked", func() bool {
			return number(t, b.run(t, "report", "--json").json(t), "followers.followers") == followers-1
		})
		jobs := b.run(t, "jobs", "--json").json(t)
		for _, run := range jobs["runs"].([]any) {
			// The one that was killed may have been at work on the one before.
			if run := run.(map[string]any); run["outcome"] != "done" && run["outcome"] != "skipped" {
				t.Errorf("%v", run)
			}
		}
		for path, want := range map[string]string{"/readyz": "ready", "/healthz": "ok",
			// What was told twice counts twice: WeChat tells again what is not answered in time.
			"/metrics": `wxcast_callback_events_total\{account="default",kind="templatesendjobfinish"\} 2\d\d\d\n`} {
			if status, text := first.get(t, path); status != 200 || !regexp.MustCompile(want).MatchString(text) {
				t.Errorf("%s: %d %s", path, status, text)
			}
		}
		resp, err := http.Post(first.base+"/wechat/default?signature="+b.sim.Token, "text/xml",
			strings.NewReader("<xml></xml>"))
		if err != nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%v %v", resp, err)
		}
		_ = resp.Body.Close()
		_, metrics := first.get(t, "/metrics")
		started := time.Now()
		_ = first.Process.Signal(os.Interrupt)
		if err := <-first.ended; err != nil || time.Since(started) > 10*time.Second {
			t.Errorf("stopped after %v: %v", time.Since(started), err)
		}
		all := first.said.err + metrics + b.run(t, "jobs", "--json").out
		for _, secret := range b.secrets(t) {
			if strings.Contains(all, secret) {
				t.Errorf("%q is in the output", secret)
			}
		}
		if len(first.said.err) < 500 {
			t.Errorf("only this was looked at: %s", first.said.err)
		}
	})
}

// A broadcast that is at work when its process is told to stop loses nothing, and the
// next process goes on with it.
func TestARollingRestartLosesNothing(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b, spec := newPacedBench(t, url, 3000)
		b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = "127.0.0.1:0", "off"
		b.prepare(t)
		b.createSoon(t, spec)
		old := b.serve(t)
		for range 3 {
			calls := b.sim.CallsTo(wechat.TemplateSendAPI)
			waitFor(t, "it sends", func() bool { return b.sim.CallsTo(wechat.TemplateSendAPI) > calls+300 })
			next := b.serve(t)
			_ = old.Process.Signal(syscall.SIGINT)
			if err := <-old.ended; err != nil {
				t.Errorf("%v", err)
			}
			old = next
		}
		waitFor(t, "it is done", func() bool {
			return b.run(t, "broadcast", "status", "1", "--json").json(t)["state"] == "done"
		})
		b.everyoneHasOne(t, "paced", 3000)
		if repeats := b.sim.State().Deduplicated; repeats != 0 {
			t.Errorf("%d messages were repeated though nothing was lost", repeats)
		}
	})
}

// secrets are what no output may hold.
func (b *bench) secrets(t *testing.T) []string {
	t.Helper()
	db, err := store.Open(t.Context(), b.env["WXCAST_DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	token, err := db.Token(t.Context(), wxcast.AppID(b.sim.AppID))
	if err != nil || token.Reveal() == "" {
		t.Fatalf("no access token: %v", err)
	}
	return []string{b.sim.Secret, b.sim.MiniSecret, b.sim.Token, b.sim.EncodingAESKey, token.Reveal()}
}

// People are told of reports, of what needs them, and when it is over.
func TestServeTellsPeople(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 300, Seed: 52,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		told := make(chan map[string]any, 100)
		chat := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var said map[string]any
			if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
				t.Error(err)
			}
			told <- said
		}))
		t.Cleanup(chat.Close)
		hear := func(what string, ok func(map[string]any) bool) {
			t.Helper()
			for deadline := time.After(80 * time.Second); ; {
				select {
				case said := <-told:
					if ok(said) {
						return
					}
				case <-deadline:
					t.Fatalf("nobody was told: %s", what)
				}
			}
		}
		b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"], b.env["WXCAST_SERVE_REPORT_AT"] = "127.0.0.1:0", "off", "* * * * *"
		b.env["WXCAST_NOTIFY_KIND"], b.env["WXCAST_NOTIFY_URL"] = "json", chat.URL+"/?key=R0B0TKEY"
		raw, err := os.ReadFile(b.file("spec.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		// One message is sent before, so that not all of the quota is left.
		openid, _ := b.sim.FollowerIDs(1)
		if o := b.run(t, "broadcast", "test", b.write(t, "try.yaml", strings.Replace(string(raw), "上新提醒", "试发", 1)),
			"--to", openid); o.code != 0 {
			t.Fatalf("%+v", o)
		}
		b.sim.SetKnobs(func(k *simulator.Knobs) {
			k.RefuseSend, k.DailyLimits = 40037, map[string]int64{wechat.TemplateSendAPI: 4000}
		})
		b.env["WXCAST_SERVE_QUOTA_AT"], b.env["WXCAST_SERVE_QUOTA_LOW"] = "* * * * *", "100%"
		r := b.serve(t)
		var quota, day bool
		hear("the report and the quota", func(said map[string]any) bool {
			quota = quota || said["key"] == "quota" &&
				strings.Contains(said["text"].(string), "Of 4,000 a day 3,999 are left")
			day = day || said["kind"] == "report" && strings.HasPrefix(said["title"].(string), "wxcast 日报 ") &&
				strings.Contains(said["text"].(string), "粉丝：300") && number(t, said, "data.followers.followers") == 300
			return quota && day
		})
		b.createSoon(t, b.file("spec.yaml"))
		hear("the pause", func(said map[string]any) bool {
			return said["key"] == "broadcast:1" && said["over"] == false &&
				strings.Contains(said["text"].(string), "40037") &&
				strings.Contains(said["text"].(string), "wxcast broadcast resume 1")
		})
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 0 })
		if o := b.run(t, "broadcast", "resume", "1"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		hear("that it is over", func(said map[string]any) bool {
			return said["key"] == "broadcast:1" &&
				said["over"] == true
		})
		_ = r.Process.Signal(os.Interrupt)
		<-r.ended
		if strings.Contains(r.said.err, "R0B0TKEY") {
			t.Errorf("the robot's key is in the output: %s", r.said.err)
		}
	})
}

// A client that never ends its header does not hold a connection.
func TestASlowClientIsCutOff(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 10})
	b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = "127.0.0.1:0", "off"
	r := b.serve(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /login HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	started := time.Now()
	if _, err := io.ReadAll(conn); err != nil || time.Since(started) > 10*time.Second {
		t.Errorf("held for %v: %v", time.Since(started), err)
	}
}
