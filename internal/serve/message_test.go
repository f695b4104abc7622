package serve_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// client is a company's program that calls the API.
type client struct {
	b   *bench
	key string
}

func (b *bench) client(t *testing.T) client {
	t.Helper()
	keys := access.Keys{Store: b.db}
	key, _, err := keys.Create(t.Context(), wxcast.APIKey{AccountID: b.account, Name: "orders",
		Scopes: []wxcast.Scope{wxcast.ScopeSend}, ExpiresAt: b.db.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return client{b, key}
}

// call makes a call with a JSON body; "" for none.
func (c client) call(t *testing.T, method, path, contentType, body string) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.b.base+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if body != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

type sentMessage struct {
	ID        int64
	State     string
	Channel   string
	Recipient string
	MsgID     string
	ErrCode   int
	ErrMsg    string
	Preset    string
	Version   int
	AskedBy   string `json:"asked_by"`
	Status    int
	Error     string
	Detail    string
}

// send sends one, and returns what it was answered.
func (c client) send(t *testing.T, body string) (status int, m sentMessage) {
	t.Helper()
	status, answer := c.call(t, http.MethodPost, "/messages", "application/json", body)
	if err := json.Unmarshal(answer, &m); err != nil {
		t.Fatalf("%d %s", status, answer)
	}
	return status, m
}

func (c client) get(t *testing.T, id int64) (m sentMessage) {
	t.Helper()
	status, answer := c.call(t, http.MethodGet, fmt.Sprintf("/messages/%d", id), "", "")
	if err := json.Unmarshal(answer, &m); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	return m
}

// becomes waits for a message's end.
func (c client) becomes(t *testing.T, id int64, state string) (m sentMessage) {
	t.Helper()
	eventually(t, fmt.Sprintf("message %d is %s", id, state), func() bool {
		m = c.get(t, id)
		return m.State == state
	})
	return m
}

func (b *bench) order(data string) string {
	return fmt.Sprintf(`{"template": %q, "data": {"thing1": %q, "time2": "2026-11-30 10:00"}, "miniprogram": {"pagepath": "pages/order?id=1"}}`,
		b.sim.TemplateID, data)
}

func TestAMessageIsSentThroughTheAPI(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		openid, unionid := b.sim.FollowerIDs(1)
		body := fmt.Sprintf(`{"spec": %s, "to": %q, "key": "order-1"}`, b.order("一盒茶叶"), openid)
		status, m := c.send(t, body)
		if status != http.StatusAccepted || m.ID == 0 || m.State != "pending" {
			t.Fatalf("%d %+v", status, m)
		}
		sent := c.becomes(t, m.ID, "sent")
		if sent.Channel != "template" || sent.Recipient != openid || sent.MsgID == "" || sent.AskedBy != "key orders" {
			t.Errorf("it is %+v", sent)
		}
		if status, again := c.send(t, body); status != http.StatusOK || again.ID != m.ID || again.State != "sent" {
			t.Errorf("the same again: %d %+v", status, again)
		}
		other := strings.Replace(body, "一盒茶叶", "两盒茶叶", 1)
		if status, no := c.send(t, other); status != http.StatusConflict {
			t.Errorf("the key with other content: %d %+v", status, no)
		}
		status, second := c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q}`, b.order("两盒茶叶"), unionid))
		if status != http.StatusAccepted || second.ID == m.ID {
			t.Errorf("to the unionid: %d %+v", status, second)
		}
		if sent := c.becomes(t, second.ID, "sent"); sent.Recipient != openid {
			t.Errorf("to the unionid: %+v", sent)
		}
		if got := b.sim.MessagesOf(openid); got["template"] != 2 {
			t.Errorf("the phone has %v", got)
		}
		for body, want := range map[string]string{
			fmt.Sprintf(`{"spec": %s, "to": "nobody"}`, b.order("x")):                                 "422 to",
			fmt.Sprintf(`{"spec": %s, "to": %q}`, b.order(strings.Repeat("长", 30)), openid):           "422 data.thing1",
			fmt.Sprintf(`{"spec": {"template": "none", "data": {"thing1": "x"}}, "to": %q}`, openid):  "422 template",
			fmt.Sprintf(`{"spec": {"template": "none", "audience": {"limit": 1}}, "to": %q}`, openid): "422 audience",
			fmt.Sprintf(`{"preset": "none", "to": %q}`, openid):                                       "404 preset",
			fmt.Sprintf(`{"to": %q}`, openid):                                                         "422 preset",
			fmt.Sprintf(`{"spec": %s, "to": %q, "expires_at": "2020-01-01"}`, b.order("x"), openid):   "422 expires_at",
			fmt.Sprintf(`{"spec": %s, "to": %q, "vars": {"openid": "x"}}`, b.order("x"), openid):      "422 vars.openid",
		} {
			status, m := c.send(t, body)
			if got := fmt.Sprint(status, " ", m.Detail); !strings.HasPrefix(got, want[:3]) || !strings.Contains(got,
				want[4:]) {
				t.Errorf("%s\n is answered %s, want %s", body, got, want)
			}
		}
	})
}

func TestManyMessagesInOneCall(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		var lines bytes.Buffer
		for i := range 150 {
			openid, _ := b.sim.FollowerIDs(i)
			fmt.Fprintf(&lines, "{\"spec\": %s, \"to\": %q, \"key\": \"n-%d\"}\n", b.order(fmt.Sprint("茶叶 ", i)),
				openid, i)
		}
		lines.WriteString("{\"to\": \"nobody\"}\nno json\n")
		status, raw := c.call(t, http.MethodPost, "/messages", "application/x-ndjson", lines.String())
		answers := strings.Split(strings.TrimSpace(string(raw)), "\n")
		if status != http.StatusOK || len(answers) != 152 {
			t.Fatalf("%d, %d lines: %.500s", status, len(answers), raw)
		}
		for i, line := range answers {
			var m sentMessage
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			if want := 202; i < 150 && m.Status != want || i >= 150 && (m.Status != 422 || m.Error == "") {
				t.Errorf("line %d is answered %s", i+1, line)
			}
		}
		eventually(t, "all are sent", func() bool { return len(b.sim.Received("template")) == 150 })
		for who, n := range b.sim.Received("template") {
			if n != 1 {
				t.Errorf("%s got %d", who, n)
			}
		}
	})
}

// A preset's messages say which version they are of, and the same key at once is one message.
func TestMessagesOfAPreset(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		put := func(text string) (version int) {
			t.Helper()
			status, answer := c.call(t, http.MethodPut, "/presets/order-shipped", "application/yaml", text)
			var p struct{ Version int }
			if err := json.Unmarshal(answer, &p); err != nil || status != http.StatusOK {
				t.Fatalf("%d %s", status, answer)
			}
			return p.Version
		}
		yaml := "template: " + b.sim.TemplateID + "\ndata: {thing1: \"{{ .goods }}\", time2: \"2026-11-30 10:00\"}\n"
		if v := put(yaml); v != 1 {
			t.Errorf("version %d", v)
		}
		openid, _ := b.sim.FollowerIDs(2)
		body := fmt.Sprintf(`{"preset": "order-shipped", "to": %q, "vars": {"goods": "茶叶"}, "key": "same"}`, openid)
		var all sync.WaitGroup
		var mu sync.Mutex
		ids, accepted := map[int64]bool{}, 0
		for range 60 {
			all.Go(func() {
				status, m := c.send(t, body)
				mu.Lock()
				defer mu.Unlock()
				if ids[m.ID] = true; status == http.StatusAccepted {
					accepted++
				}
			})
		}
		all.Wait()
		if len(ids) != 1 || accepted != 1 {
			t.Errorf("ids %v, accepted %d times", ids, accepted)
		}
		for id := range ids {
			if m := c.becomes(t, id, "sent"); m.Preset != "order-shipped" || m.Version != 1 {
				t.Errorf("it is %+v", m)
			}
		}
		if v := put(strings.Replace(yaml, "{{ .goods }}", "{{ .goods }} 已发货", 1)); v != 2 {
			t.Errorf("version %d", v)
		}
		_, second := c.send(t, strings.Replace(body, "same", "next", 1))
		if m := c.becomes(t, second.ID, "sent"); m.Version != 2 {
			t.Errorf("it is %+v", m)
		}
		if status, m := c.send(t, fmt.Sprintf(`{"preset": "order-shipped", "to": %q}`, openid)); status != 422 ||
			!strings.Contains(m.Detail, "goods") {
			t.Errorf("without its variable: %d %+v", status, m)
		}
		if got := b.sim.MessagesOf(openid); got["template"] != 2 {
			t.Errorf("the phone has %v", got)
		}
	})
}

// Nothing that a program sends is more than a refusal, and what is refused is not kept.
func TestOddMessagesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		openid, _ := b.sim.FollowerIDs(5)
		message := func(more string) string { return fmt.Sprintf(`{"to": %q, %s}`, openid, more) }
		long := strings.Repeat("长", 10_000)
		for _, body := range []string{
			"", "{}", "[]", "null", `{"to": 1}`, `{"unknown": 1}`, strings.Repeat("[", 10_000),
			message(`"preset": "\u0000"`), message(`"preset": "../order"`), message(`"spec": {}`),
			message(`"spec": {"template": "\u0000", "data": {"thing1": "x"}}`),
			message(`"spec": {"name": "\u0000", "template": "T", "data": {"thing1": "x"}}`),
			message(`"spec": ` + b.order("a\u0000b")), message(`"spec": ` + b.order(long)),
			message(`"spec": {"account": "other", "template": "T", "data": {"thing1": "x"}}`),
			message(fmt.Sprintf(`"spec": %s, "vars": {"x": %q}`, b.order("x"), long)),
			message(fmt.Sprintf(`"spec": %s, "vars": {"_x": "y"}`, b.order("x"))),
			message(fmt.Sprintf(`"spec": %s, "key": "a b"`, b.order("x"))),
			message(fmt.Sprintf(`"spec": %s, "key": %q`, b.order("x"), strings.Repeat("k", 200))),
			message(fmt.Sprintf(`"spec": %s, "at": "9999-12-31"`, b.order("x"))),
			message(`"spec": {"template": "T", "data": {"thing1": "{{ range . }}x{{ end }}"}}`),
			message(`"spec": {"channels": [{"service": {"title": "x", "pagepath": "p", "image": "/etc/passwd"}}]}`),
			fmt.Sprintf(`{"spec": %s, "to": "\u0000"}`, b.order("x")),
		} {
			if status, answer := c.call(t, http.MethodPost, "/messages", "application/json", cmp.Or(body,
				" ")); status < 400 ||
				status >= 500 {
				t.Errorf("%.200s\nis answered %d %.300s", body, status, answer)
			}
		}
		for _, path := range []string{"/presets/%00", "/presets/..%2F..", "/messages/0", "/messages/-1",
			"/messages/x"} {
			if status, answer := c.call(t, http.MethodGet, path, "", ""); status < 400 || status >= 500 {
				t.Errorf("%s is answered %d %.300s", path, status, answer)
			}
		}
		if status, answer := c.call(t, http.MethodPost, "/messages", "application/jsonl",
			strings.Repeat("{}\n", 1001)); status != 422 {
			t.Errorf("1001 lines: %d %.300s", status, answer)
		}
		for id := range int64(30) {
			if m, err := b.db.Message(t.Context(), b.account, id); err == nil {
				t.Errorf("message %d is stored: %+v", id, m)
			}
		}
	})
}

// Kinds of messages may have one name: the metrics are whole all the same.
func TestTheMetricsBearKindsOfOneName(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		openid, _ := b.sim.FollowerIDs(4)
		for _, spec := range []string{b.order("茶叶"), strings.Replace(b.order("咖啡"), `"miniprogram"`,
			`"ignore_quiet": true, "miniprogram"`, 1)} {
			status, m := c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q}`, spec, openid))
			if status != http.StatusAccepted {
				t.Fatalf("%d %+v", status, m)
			}
			c.becomes(t, m.ID, "sent")
		}
		resp, err := http.Get(b.base + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page),
			"wxcast_broadcasts_running") {
			t.Errorf("%d %v: %.300s", resp.StatusCode, err, page)
		}
	})
}

// A reminder waits for its time, may be cancelled until then, and one whose time is over goes
// nowhere.
func TestRemindersWaitForTheirTime(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		at := func(d time.Duration) string { return b.db.Now().Add(d).Format(time.RFC3339Nano) }
		openid, _ := b.sim.FollowerIDs(3)
		send := func(more string) int64 {
			t.Helper()
			status, m := c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q, %s}`, b.order("茶叶"), openid, more))
			if status != http.StatusAccepted {
				t.Fatalf("%d %+v", status, m)
			}
			return m.ID
		}
		soon, later := send(fmt.Sprintf(`"at": %q`, at(1500*time.Millisecond))), send(fmt.Sprintf(`"at": %q`, at(40*24*time.Hour)))
		if m := c.get(t, soon); m.State != "pending" {
			t.Errorf("before its time it is %+v", m)
		}
		c.becomes(t, soon, "sent")
		if m := c.get(t, later); m.State != "pending" {
			t.Errorf("40 days before its time it is %+v", m)
		}
		if status, answer := c.call(t, http.MethodDelete, fmt.Sprintf("/messages/%d", later), "",
			""); status != http.StatusOK {
			t.Errorf("cancelled: %d %s", status, answer)
		}
		if m := c.get(t, later); m.State != "skipped" || m.ErrCode != wxcast.ErrCodeRevoked {
			t.Errorf("cancelled it is %+v", m)
		}
		if status, answer := c.call(t, http.MethodDelete, fmt.Sprintf("/messages/%d", soon), "",
			""); status != http.StatusConflict {
			t.Errorf("a sent one is cancelled: %d %s", status, answer)
		}
	})
}

// The same request with the same key is the same, though its text is one that a spec's reader trims, and
// whatever this process has learnt of such specs meanwhile.
func TestARetryIsKnownHoweverItIsRead(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		openid, _ := b.sim.FollowerIDs(1)
		send := func(text, key string) int {
			status, _ := c.call(t, http.MethodPost, "/messages", "application/json", fmt.Sprintf(
				`{"spec": {"channels": [{"service": {"text": %q}}]}, "to": %q, "key": %q}`, text, openid, key))
			return status
		}
		for _, want := range []struct {
			text, key string
			status    int
		}{
			{"your parcel is on its way\n", "k1", http.StatusAccepted},
			{"another text", "k2", http.StatusAccepted},
			{"a third", "k3", http.StatusAccepted}, // its kind is learnt by now
			{"your parcel is on its way\n", "k1", http.StatusOK},
			{" a third", "k4", http.StatusAccepted},
			{" a third", "k4", http.StatusOK},
			{"a fourth", "k1", http.StatusConflict},
		} {
			if status := send(want.text, want.key); status != want.status {
				t.Errorf("%q with the key %s: %d, want %d", want.text, want.key, status, want.status)
			}
		}
	})
}

// To whom another program's message goes is for nobody who may only send.
func TestWhoMaySendDoesNotReadToWhomOthersSend(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.client(t)
		openid, _ := b.sim.FollowerIDs(1)
		_, m := c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q}`, b.order("tea"), openid))
		path := fmt.Sprintf("/messages/%d", m.ID)
		for name, one := range map[string]struct {
			client
			sees bool
		}{
			"its own":         {c, true},
			"another":         {b.clientWith(t, "other", wxcast.ScopeSend), false},
			"who sees people": {b.clientWith(t, "people", wxcast.ScopeSend, wxcast.ScopePeople), true},
		} {
			status, answer := one.call(t, http.MethodGet, path, "", "")
			if status != http.StatusOK || strings.Contains(string(answer), string(openid)) != one.sees {
				t.Errorf("%s: %d %s; sees the recipient: want %v", name, status, answer, one.sees)
			}
		}
	})
}

// A key that lacks a scope is held to a rate like any other: each refusal is an entry of the audit log.
func TestAKeyThatMayNotIsHeldToItsRate(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		narrow, statuses := b.clientWith(t, "narrow", wxcast.ScopeRead), map[int]int{}
		for range 300 {
			status, _ := narrow.call(t, http.MethodGet, "/events", "", "")
			statuses[status]++
		}
		if statuses[http.StatusTooManyRequests] == 0 || statuses[http.StatusForbidden] == 0 {
			t.Errorf("%v, want some refused, and then too many", statuses)
		}
	})
}
