package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// call makes a call of a replica's API, and returns its status and body.
func (r *replica) call(t *testing.T, key, method, path, contentType, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// form is files as a browser sends them: field, name, content in turn.
func form(t *testing.T, parts ...string) (contentType, body string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := 0; i < len(parts); i += 3 {
		part, err := w.CreateFormFile(parts[i], parts[i+1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, parts[i+2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), out.String()
}

// newKey makes a key by the command line.
func (b *bench) newKey(t *testing.T, name, scopes string) string {
	t.Helper()
	key, _ := b.run(t, "key", "create", name, "--scope", scopes, "--json").json(t)["key"].(string)
	if !strings.HasPrefix(key, "wxk_") || len(key) < 30 {
		t.Fatalf("%q is no key", key)
	}
	return key
}

// From an empty store to a finished broadcast, a report and an export by HTTP alone.
func TestTheWholeJobThroughTheAPI(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		const followers = 300
		b := newBench(t, url, simulator.Options{Followers: followers, Seed: 61,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		key := b.newKey(t, "all", "read,send,people,sync,token,audit")
		b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = "127.0.0.1:0", "off"
		r := b.serve(t)
		do := func(status int, method, path, contentType, body string) map[string]any {
			t.Helper()
			got, text := r.call(t, key, method, "/api/v1"+path, contentType, body)
			v := map[string]any{}
			if err := json.Unmarshal([]byte(text), &v); got != status || err != nil {
				t.Fatalf("%s %s: %d %v %s", method, path, got, err, text)
			}
			return v
		}
		read := func(name string) string {
			raw, err := os.ReadFile(b.file(name))
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
		if got := do(200, "GET", "/account", "", ""); got["account"] != "default" || got["appid"] != b.sim.AppID {
			t.Errorf("%v", got)
		}
		do(202, "POST", "/jobs/sync/start", "", "")
		waitFor(t, "the sync has ended", func() bool {
			for _, run := range do(200, "GET", "/jobs", "", "")["runs"].([]any) {
				if run := run.(map[string]any); run["job"] == "sync" && run["outcome"] == "done" {
					return true
				}
			}
			return false
		})
		contentType, body := form(t, "file", "mini.csv", read("mini.csv")+",\n")
		imported := do(200, "POST", "/mini-users", contentType, body)
		if number(t, imported, "import.inserted") != int64(strings.Count(read("mini.csv"), "\n")-1) ||
			number(t, imported, "import.rejected") != 1 || number(t, imported, "join.joined") != followers ||
			len(imported["rejects"].([]any)) != 1 {
			t.Errorf("%v", imported)
		}

		openid, _ := b.sim.FollowerIDs(3)
		spec := strings.Replace(read("spec.yaml"), "rate: 2000", "rate: 100\naudience: {in: vip.csv}", 1)
		spec = strings.Replace(spec, "上新提醒", "{{ .coupon }}", 1)
		var list strings.Builder
		list.WriteString("openid,coupon\n")
		for n := range 200 {
			id, _ := b.sim.FollowerIDs(n)
			fmt.Fprintf(&list, "%s,优惠%d\n", id, n)
		}
		contentType, body = form(t, "spec", "spring.yaml", spec, "list", "vip.csv", list.String())
		preview := do(200, "POST", "/broadcasts/preview?messages=1", contentType, body)
		if number(t, preview, "recipients") != 200 || len(preview["messages"].([]any)) != 1 {
			t.Errorf("%v", preview)
		}
		// Who may send and not see people sees three messages of nobody, and the audit log who looked.
		sender := b.newKey(t, "sender", "send")
		leak := strings.Replace(spec, "{{ .coupon }}", "{{ .openid }}{{ .unionid }}{{ .coupon }}", 1)
		leakType, leakBody := form(t, "spec", "leak.yaml", leak+"on_bad_value: skip\n", "list", "vip.csv", list.String())
		for _, call := range []string{"/broadcasts/preview?messages=1000", "/broadcasts/preview?on_bad_value=stop",
			"/broadcasts?on_bad_value=stop"} {
			status, seen := r.call(t, sender, "POST", "/api/v1"+call, leakType, leakBody)
			for n := range 200 {
				openid, unionid := b.sim.FollowerIDs(n)
				if strings.Contains(seen, openid) || strings.Contains(seen, unionid) || strings.Contains(seen, "优惠") {
					t.Fatalf("%s (%d) shows people to a key that may only send: %.1000s", call, status, seen)
				}
			}
			if strings.Count(seen, `"openid"`) > 3 {
				t.Errorf("%s shows more than three messages: %.1000s", call, seen)
			}
		}
		if log := do(200, "GET", "/audit", "", ""); !strings.Contains(fmt.Sprint(log), "preview-broadcast") {
			t.Errorf("nobody knows who looked: %v", log)
		}
		otherType, otherBody := form(t, "spec", "try.yaml", strings.Replace(spec, "{{ .coupon }}", "试{{ .coupon }}", 1),
			"list", "vip.csv", list.String())
		tested := do(200, "POST", "/broadcasts/test?to="+openid, otherType, otherBody)
		if m := tested["messages"].([]any)[0].(map[string]any); m["sent"] != true || m["openid"] != openid {
			t.Errorf("%v", tested)
		}
		draft := do(200, "POST", "/broadcasts?draft=true&rate=50", contentType, body)
		if draft["state"] != "draft" {
			t.Errorf("%v", draft)
		}
		if again := do(200, "POST", "/broadcasts", contentType, body); again["id"] != draft["id"] {
			t.Errorf("the same content is another broadcast: %v", again)
		}
		do(200, "POST", "/broadcasts/1/start", "", "")
		waitFor(t, "it is being sent", func() bool { return b.sim.State().Messages > 20 })
		if paused := do(200, "POST", "/broadcasts/1/pause", "", ""); paused["state"] != "paused" {
			t.Errorf("%v", paused)
		}
		do(409, "POST", "/broadcasts/1/pause", "", "")
		do(200, "POST", "/broadcasts/1/resume", "", "")
		do(200, "PATCH", "/broadcasts/1", "application/json", `{"rate": 1000, "priority": 3}`)
		waitFor(t, "it is done", func() bool { return do(200, "GET", "/broadcasts/1", "", "")["state"] == "done" })
		status := do(200, "GET", "/broadcasts/1", "", "")
		// One has the test message, too.
		if state := b.sim.State(); number(t, status, "sent") != 200 || state.Messages != 201 || state.People != 200 {
			t.Errorf("%v %+v", status, state)
		}
		do(409, "POST", "/broadcasts/1/retry", "", "")
		if all := do(200, "GET", "/broadcasts", "", "")["broadcasts"].([]any); len(all) != 1 {
			t.Errorf("%v", all)
		}
		if _, csv := r.call(t, key, "GET", "/api/v1/broadcasts/1/deliveries", "", ""); strings.Count(csv,
			"\n") != 201 || !strings.HasPrefix(csv, "broadcast_id,") {
			t.Errorf("%s", csv)
		}
		if _, lines := r.call(t, key, "GET", "/api/v1/followers?format=jsonl&bridged=yes", "", ""); strings.Count(lines,
			"\n") != followers {
			t.Errorf("%d followers", strings.Count(lines, "\n"))
		}

		if p := do(200, "GET", "/followers/"+openid, "", ""); len(p["followers"].([]any)) != 1 ||
			len(p["deliveries"].([]any)) != 1 {
			t.Errorf("%v", p)
		}
		if added := do(200, "POST", "/optouts", "application/json", `{"ids": ["`+openid+`", "nobody"]}`); number(t,
			added, "added") != 2 || len(added["unknown"].([]any)) != 1 {
			t.Errorf("%v", added)
		}
		if _, csv := r.call(t, key, "GET", "/api/v1/optouts", "", ""); !strings.Contains(csv, openid+",") {
			t.Errorf("%s", csv)
		}
		if removed := do(200, "POST", "/optouts/remove", "application/json", `{"ids": ["`+openid+`"]}`); number(t,
			removed, "removed") != 1 {
			t.Errorf("%v", removed)
		}
		if forgotten := do(200, "DELETE", "/followers/"+openid, "", ""); number(t, forgotten, "followers") != 1 {
			t.Errorf("%v", forgotten)
		}
		do(404, "GET", "/followers/"+openid, "", "")

		today := time.Now().In(beijing).Format(time.DateOnly)
		if rep := do(200, "GET", "/reports/"+today, "", ""); number(t, rep, "bridge.joined") != followers-1 {
			t.Errorf("%v", rep)
		}
		if status, page := r.call(t, key, "GET", "/api/v1/reports/"+today+"/html?lang=en", "", ""); status != 200 ||
			!strings.Contains(page, "<svg") {
			t.Errorf("%d %.200s", status, page)
		}
		do(202, "POST", "/jobs/report/start", "", "")
		waitFor(t, "the report is kept", func() bool {
			return len(do(200, "GET", "/reports", "",
				"")["days"].([]any)) == 1
		})

		token := do(200, "GET", "/access-token", "", "")["access_token"].(string)
		if token != b.secrets(t)[4] {
			t.Errorf("%q is not the account's token", token)
		}
		if other := do(200, "POST", "/access-token", "application/json",
			`{"refused": "one-that-is-old"}`); other["access_token"] != token {
			t.Error("a token that nobody has now is not answered with the current one")
		}
		limited := 0
		for range 40 {
			if status, _ := r.call(t, key, "GET", "/api/v1/access-token", "",
				""); status == http.StatusTooManyRequests {
				limited++
			} else if status != http.StatusOK {
				t.Errorf("asked for the token too often: %d", status)
			}
		}
		if limited == 0 {
			t.Error("the token may be asked for without an end")
		}
		time.Sleep(1200 * time.Millisecond) // the next second has one again
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.KillTokenEvery = 1 })
		other := do(200, "POST", "/access-token", "application/json", `{"refused": "`+token+`"}`)
		if other["access_token"] == token || number(t, other, "expires_in") < 60 {
			t.Error("a refused token is answered with itself")
		}

		_, metrics := r.call(t, key, "GET", "/metrics", "", "")
		for _, want := range []string{
			`wxcast_wechat_calls_total{account="default",api="/cgi-bin/message/template/send",class="ok"} 201`,
			`wxcast_messages_total{account="default",channel="template",state="sent"} 200`,
			`wxcast_wechat_call_seconds_count{account="default",api="/cgi-bin/user/get"}`,
			`wxcast_quota_left{account="default",api="/cgi-bin/message/template/send"} 99799`,
			`wxcast_job_runs_total{account="default",job="sync",outcome="done"} 1`,
			`wxcast_token_overrides_total{account="default"} 1`, `wxcast_broadcasts_running{account="default"} 0`,
			`wxcast_callback_lag_seconds{account="default"} 0`,
		} {
			if !strings.Contains(metrics, want) {
				t.Errorf("the metrics lack %s:\n%s", want, metrics)
			}
		}
		entries := do(200, "GET", "/audit", "", "")["entries"].([]any)
		log := fmt.Sprint(entries)
		for _, want := range []string{"action:create-broadcast", "target:broadcast 1 (spring-sale)",
			"action:steer-broadcast", "actor:key all", "outcome:conflict", "action:forget-person", "action:create-key",
			"actor:cli ", "action:replace-access-token"} {
			if !strings.Contains(log, want) {
				t.Errorf("the audit log lacks %q: %s", want, log)
			}
		}
		about := do(200, "GET", "/audit?of="+openid, "", "")["entries"].([]any)
		if text := fmt.Sprint(about); !strings.Contains(text, "forget-person") || len(about) >= len(entries) {
			t.Errorf("of %d entries those about a person are %s", len(entries), text)
		}
		checked := do(200, "GET", "/audit/verify", "", "")
		if checked["ok"] != true || checked["entries"].(float64) < 10 {
			t.Errorf("the audit log, checked: %v", checked)
		}
		_ = r.Process.Signal(os.Interrupt)
		<-r.ended
		if o := b.run(t, "audit", "verify", "--head", checked["head"].(string)); o.code != 0 {
			t.Errorf("%+v", o)
		}
		if o := b.run(t, "audit", "verify", "--head", "1:"+strings.Repeat("0", 64)); o.code != 1 ||
			!strings.Contains(o.err, "entry 1 is not the one whose hash was given") {
			t.Errorf("%+v", o)
		}
		if o := b.run(t, "audit", "verify", "--head", "1"); o.code != 2 {
			t.Errorf("%+v", o)
		}
		log += metrics + r.said.err + b.run(t, "audit").out + b.run(t, "key", "list").out
		for _, secret := range append(b.secrets(t), key, token, openid) {
			if strings.Contains(log, secret) {
				t.Errorf("%q is in the audit log or the output", secret)
			}
		}
	})
}

var beijing = time.FixedZone("", 8*3600)

// Who has no key, a wrong one, or one that opens something else.
func TestTheAPIRefusesWhoMayNot(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 30, Seed: 62})
		b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = ":0", "off"
		if o := b.run(t, "serve"); o.code != 2 ||
			!strings.Contains(o.err, "make one first: wxcast key create NAME --scope read") {
			t.Errorf("it serves everybody without a key: %+v", o)
		}
		reader, revoked := b.newKey(t, "reader", "read"), b.newKey(t, "revoked", "read,send,people,sync,token,audit")
		r := b.serve(t)
		r.base = strings.Replace(r.base, "[::]", "127.0.0.1", 1)
		if status, _ := r.call(t, revoked, "GET", "/api/v1/account", "", ""); status != 200 {
			t.Errorf("%d", status)
		}
		if o := b.run(t, "key", "revoke", "revoked"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		var document struct {
			Paths map[string]map[string]struct {
				OperationID string                `json:"operationId"`
				Security    []map[string][]string `json:"security"`
			} `json:"paths"`
		}
		_, text := r.call(t, "", "GET", "/api/v1/openapi.json", "", "")
		if err := json.Unmarshal([]byte(text), &document); err != nil || len(document.Paths) < 20 {
			t.Fatalf("%v: %d paths", err, len(document.Paths))
		}
		for path, calls := range document.Paths {
			for method, op := range calls {
				path := strings.NewReplacer("{id}", "1", "{job}", "sync", "{day}", "2026-11-20", "{format}",
					"csv").Replace(path)
				try := func(key string, want int) {
					t.Helper()
					// So that the limit on strangers does not answer first.
					for {
						status, text := r.call(t, key, strings.ToUpper(method), path, "", "")
						if status == http.StatusTooManyRequests {
							time.Sleep(100 * time.Millisecond)
							continue
						}
						if status != want {
							t.Errorf("%s: %d %s, want %d", op.OperationID, status, text, want)
						}
						return
					}
				}
				if len(op.Security) != 1 || len(op.Security[0]["key"]) != 1 {
					t.Fatalf("%s needs no scope", op.OperationID)
				}
				if op.Security[0]["key"][0] != "read" {
					try(reader, http.StatusForbidden)
				}
				if strings.HasSuffix(op.OperationID, "-broadcast") || op.OperationID == "forget-person" {
					try("", http.StatusUnauthorized)
					try(revoked, http.StatusUnauthorized)
				}
			}
		}
		o := b.run(t, "audit", "--limit", "1000")
		for _, want := range []string{"refused", "key reader", "forget-person", "127.0.0.1"} {
			if !strings.Contains(o.out, want) {
				t.Errorf("the audit log lacks %q of who was refused: %s", want, o.out)
			}
		}
		for name, key := range map[string]string{"none": "", "revoked": revoked, "reader": reader} {
			status, _ := r.call(t, key, "GET", "/metrics", "", "")
			if good := name == "reader"; good != (status == 200) {
				t.Errorf("%s sees the metrics: %d", name, status)
			}
		}
		// Guessing is slowed down; who has a key is not kept waiting by it.
		limited := 0
		for range 60 {
			if status, _ := r.call(t, "wxk_GUESS", "GET", "/api/v1/account", "",
				""); status == http.StatusTooManyRequests {
				limited++
			}
		}
		if limited < 30 {
			t.Errorf("%d of 60 guesses were refused", limited)
		}
		if status, _ := r.call(t, reader, "GET", "/api/v1/account", "", ""); status != 200 {
			t.Errorf("%d", status)
		}
	})
}

// Mistakes in what a program sends.
func TestTheAPITellsMistakes(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 30, Seed: 63,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	key := b.newKey(t, "all", "read,send,people,sync,audit")
	b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = "127.0.0.1:0", "off"
	r := b.serve(t)
	raw, err := os.ReadFile(b.file("spec.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	spec := string(raw)
	outside := b.write(t, "secret.csv", "openid\nx\n")
	up, err := filepath.Rel(os.TempDir(), outside)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path  string
		parts []string
		want  string
	}{
		"a template that is not there": {"/broadcasts",
			[]string{"spec", "a.yaml", strings.Replace(spec, b.sim.TemplateID, "nope", 1)}, "a.yaml:2: template"},
		"a list that was not sent": {"/broadcasts", []string{"spec", "a.yaml", spec + "audience: {in: vip.csv}\n"},
			"vip.csv cannot be read"},
		"a list of the server's": {"/broadcasts",
			[]string{"spec", "a.yaml", spec + "audience: {in: " + outside + "}\n"}, "is no file that was sent"},
		"a list above": {"/broadcasts",
			[]string{"spec", "a.yaml", spec + "audience: {in: ../" + up + "}\n"}, "is no file that was sent"},
		"a spec that is none": {"/broadcasts/preview", []string{"spec", "a.yaml", "hello"}, "a.yaml:1"},
		"a spec that is too large": {"/broadcasts/preview",
			[]string{"spec", "a.yaml", spec + "#" + strings.Repeat("x", 300<<10)}, "256 KiB"},
		"a spec that loops": {"/broadcasts/preview",
			[]string{"spec", "a.yaml", strings.Replace(spec, "上新提醒", "{{range 99999999999}}x{{end}}", 1)}, "range"},
		"no spec": {"/broadcasts", []string{"list", "vip.csv", "openid\n"}, "File required"},
		"two files of one name": {"/broadcasts", []string{"spec", "a.yaml", spec, "list", "a.yaml", "openid\n"},
			"was sent twice"},
		"a time that is over": {"/broadcasts?at=2020-01-01%2010:00", []string{"spec", "a.yaml", spec},
			"at: 2020-01-01 10:00 is over"},
		"a rate that is none": {"/broadcasts?rate=-1", []string{"spec", "a.yaml", spec}, "rate"},
		"another account": {"/broadcasts", []string{"spec", "a.yaml", spec + "account: other\n"},
			"is not the account default"},
		"mini users without a column": {"/mini-users", []string{"file", "m.csv", "a,b\n1,2\n"}, "m.csv"},
		"an argument that nobody knows": {"/broadcasts?att=x", []string{"spec", "a.yaml", spec},
			"unknown query parameter"},
	} {
		contentType, body := form(t, c.parts...)
		status, text := r.call(t, key, "POST", "/api/v1"+c.path, contentType, body)
		if status != 422 || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	for path, want := range map[string]int{"/broadcasts/9": 404, "/nothing": 404, "/reports/2026-02-31": 422,
		"/broadcasts/x": 422, "/audit?limit=100000": 422} {
		if status, text := r.call(t, key, "GET", "/api/v1"+path, "", ""); status != want ||
			!strings.Contains(text, `"detail"`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if all := b.run(t, "broadcast", "list", "--json").json(t)["broadcasts"].([]any); len(all) != 0 {
		t.Errorf("something was made: %v", all)
	}
	for _, args := range [][]string{{"key", "create", "no name", "--scope", "read"}, {"key", "create", "x"},
		{"key", "create", "x", "--scope", "all"}, {"key", "create", "all", "--scope", "read"},
		{"key", "revoke", "nobody"}, {"key", "create", "x", "--scope", "read", "--days", "-1"}} {
		if o := b.run(t, args...); o.code != 2 {
			t.Errorf("%v: %+v", args, o)
		}
	}
}
