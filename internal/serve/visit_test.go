package serve_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// visits tells of a visit, as the mini program does.
func (b *bench) visits(t *testing.T, session, body string) (status int, counted bool) {
	t.Helper()
	var got struct{ Counted bool }
	status, _ = b.tell(t, "/visits", session, body, &got)
	return status, got.Counted
}

// markOf is the mark of the page that a message opens.
func (b *bench) markOf(t *testing.T, openid string) string {
	t.Helper()
	for m := range b.sim.Messages() {
		if m.OpenID != openid {
			continue
		}
		u, err := url.Parse(m.PagePath)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("wxv")
	}
	return ""
}

// people are followers with their mini_openids.
func (b *bench) people(t *testing.T, n int) (openids, minis []string) {
	t.Helper()
	for i := 0; len(openids) < n && i < 200; i++ {
		openid, _ := b.sim.FollowerIDs(i)
		openids, minis = append(openids, openid), append(minis, b.sim.MiniOpenIDOf(i))
	}
	return openids, minis
}

func TestWhoCameByAMessage(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.clientWith(t, "orders", wxcast.ScopeSend, wxcast.ScopeRead, wxcast.ScopeEvents)
		openids, minis := b.people(t, 3)
		first, second := b.sessionOf(t, minis[0]), b.sessionOf(t, minis[1])
		spec := strings.Replace(b.order("一盒茶叶"), "{", `{"track": true, `, 1)
		_, m := c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q}`, spec, openids[0]))
		sent := c.becomes(t, m.ID, "sent")
		mark := b.markOf(t, openids[0])
		if mark == "" || len(mark) > 20 {
			t.Fatalf("the page is marked with %q", mark)
		}
		report := func(session, mark string) (int, bool) {
			return b.visits(t, session, fmt.Sprintf(`{"wxv": %q, "scene": 1014}`, mark))
		}
		for _, one := range []struct {
			name, session, mark string
			status              int
			counted             bool
		}{
			{"somebody to whom it was passed on", second, mark, 200, false},
			{"a mark that is changed", first, "B" + mark[1:], 200, false},
			{"no mark", first, "x", 400, false},
			{"nobody", "no-session", mark, 401, false},
			{"the person", first, mark, 200, true},
			{"the person again", first, mark, 200, false},
		} {
			if status, counted := report(one.session, one.mark); status != one.status || counted != one.counted {
				t.Errorf("%s: %d %v", one.name, status, counted)
			}
		}
		if status, _ := b.visits(t, first, `{"wxv": "`+mark+`", "scene": -1}`); status != 400 {
			t.Errorf("a scene that is none: %d", status)
		}
		status, answer := c.call(t, http.MethodPost, "/goals", "application/json", fmt.Sprintf(`{"goals": [
			{"to": %[1]q, "goal": "order", "amount": "12.5", "key": "o-1"}, {"to": %[1]q, "goal": "order",
				"amount": "7", "key": "o-2"},
			{"to": %[1]q, "goal": "order", "amount": "12.50", "key": "o-1"}, {"to": %[2]q, "goal": "order"},
			{"to": "nobody-at-all", "goal": "order"}, {"to": %[1]q, "goal": "", "amount": "-1"}]}`, minis[0], openids[1]))
		if status != 200 || !strings.Contains(string(answer), `"added":3`) || strings.Count(string(answer), `"index"`) != 2 {
			t.Errorf("%d %s", status, answer)
		}
		got := c.broadcast(t, 1)
		if got.Results == nil || got.Results.Came != 1 || got.Results.Converted != 1 || got.Results.Amount != "19.50" ||
			got.Results.ByChannel["template"].Came != 1 || got.Results.Holdout != nil {
			t.Errorf("the results of message %d: %+v", sent.ID, got.Results)
		}
		var types []string
		for _, e := range c.events(t, "types=visit,goal&wait=0") {
			types = append(types, e.Type)
		}
		if fmt.Sprint(types) != "[visit.came goal.reached goal.reached goal.reached]" {
			t.Errorf("told are %v", types)
		}
		// A second message by which the same person comes: they, and what they ordered, count once.
		_, m = c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q}`, strings.Replace(spec, "一盒茶叶", "两盒茶叶", 1), openids[0]))
		c.becomes(t, m.ID, "sent")
		again := ""
		for m := range b.sim.Messages() {
			if u, err := url.Parse(m.PagePath); err == nil && m.OpenID == openids[0] && u.Query().Get("wxv") != mark {
				again = u.Query().Get("wxv")
			}
		}
		if status, counted := report(first, again); status != 200 || !counted {
			t.Errorf("the second message: %d %v", status, counted)
		}
		status, answer = c.call(t, http.MethodPost, "/goals", "application/json",
			fmt.Sprintf(`{"goals": [{"to": %q, "goal": "order", "amount": "1", "key": "o-3"}]}`, openids[0]))
		if status != 200 {
			t.Errorf("%d %s", status, answer)
		}
		if r := c.broadcast(t, 1).Results; r == nil || r.Came != 1 || r.Converted != 1 || r.Amount != "20.50" {
			t.Errorf("after a second visit: %+v", r)
		}
		// A visit that the company has logged itself.
		b.sessionOf(t, minis[2])
		_, m = c.send(t, fmt.Sprintf(`{"spec": %s, "to": %q}`, spec, openids[2]))
		c.becomes(t, m.ID, "sent")
		rows := fmt.Sprintf(`{"visits": [{"mini_openid": %[1]q, "wxv": %[2]q, "scene": "1014"}, {"mini_openid": %[1]q, "wxv": "x"},
			{"mini_openid": %[3]q, "wxv": %[2]q}]}`, minis[2], b.markOf(t, openids[2]), minis[0])
		status, answer = c.call(t, http.MethodPost, "/visits", "application/json", rows)
		if status != 200 || !strings.Contains(string(answer), `"added":1`) || strings.Count(string(answer), `"index"`) != 1 {
			t.Errorf("%d %s", status, answer)
		}
		// One who has left since is the person whom the messages went to, in the visits and in the
		// groups that are told beside each other.
		if n, err := b.db.Unfollow(t.Context(), b.account, []wxcast.OpenID{wxcast.OpenID(openids[2])},
			time.Now()); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if changes, _, err := b.db.Join(t.Context(), b.account, b.mini); err != nil || changes.Removed != 1 {
			t.Fatalf("%+v %v, want the bridge taken down", changes, err)
		}
		if status, counted := report(b.sessionOf(t, minis[2]), b.markOf(t, openids[2])); status != 200 || counted {
			t.Errorf("who has left, by the message by which they had come: %d %v", status, counted)
		}
		status, answer = c.call(t, http.MethodPost, "/goals", "application/json",
			fmt.Sprintf(`{"goals": [{"to": %q, "goal": "order", "key": "o-4"}]}`, minis[2]))
		all := c.events(t, "types=goal&wait=0")
		if last := all[len(all)-1].Data; status != 200 || last["openid"] != openids[2] {
			t.Errorf("%d %s: told is %v, want the follower that they were, too", status, answer, last)
		}
	})
}

type shownBroadcast struct {
	State                     string
	Recipients, Sent, Skipped int64
	ByErrCode                 map[string]int64 `json:"by_errcode"`
	Results                   *struct {
		Came, Converted int64
		Amount          string
		ByChannel       map[string]struct{ Came, Converted int64 } `json:"by_channel"`
		Holdout         *struct {
			Treated, HeldOut struct {
				People, Converted int64
				Share             float64
			}
			Lift, Low, High float64
		}
	}
}

func (c client) broadcast(t *testing.T, id int) (b shownBroadcast) {
	t.Helper()
	status, answer := c.call(t, http.MethodGet, fmt.Sprintf("/broadcasts/%d", id), "", "")
	answer = []byte(strings.ReplaceAll(string(answer), `"held_out":`, `"heldout":`))
	if err := json.Unmarshal(answer, &b); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	return b
}

// A share gets nothing, and what the message did is told beside it.
func TestAControlGroupGetsNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := b.clientWith(t, "orders", wxcast.ScopeSend, wxcast.ScopeRead, wxcast.ScopePeople, wxcast.ScopeSync)
		yaml := fmt.Sprintf("name: spring\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\n"+
			"miniprogram: {pagepath: pages/spring}\naudience: {bridged: any}\ntrack: yes\nholdout: 25%%\nrate: 1000\n",
			b.sim.TemplateID)
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, err := w.CreateFormFile("spec", "spring.yaml")
		if err == nil {
			_, err = io.WriteString(part, yaml)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		status, answer := c.call(t, http.MethodPost, "/broadcasts", w.FormDataContentType(), form.String())
		if status >= 300 {
			t.Fatalf("%d %s", status, answer)
		}
		var shown shownBroadcast
		eventually(t, "it is done", func() bool {
			shown = c.broadcast(t, 1)
			return shown.State == "done"
		})
		held := shown.ByErrCode["held out"]
		if shown.Recipients != 200 || shown.Sent+held != 200 || held < 25 || held > 80 {
			t.Fatalf("%+v", shown)
		}
		got := map[string]bool{}
		for m := range b.sim.Messages() {
			got[m.OpenID] = true
		}
		// Of those who got it every second buys something, of the others every fourth.
		var goals []string
		var with, without int
		for i := range 200 {
			openid, _ := b.sim.FollowerIDs(i)
			if got[openid] {
				if with++; with%2 == 0 {
					goals = append(goals, fmt.Sprintf(`{"to": %q, "goal": "order"}`, openid))
				}
			} else if without++; without%4 == 0 {
				goals = append(goals, fmt.Sprintf(`{"to": %q, "goal": "order"}`, openid))
			}
		}
		status, answer = c.call(t, http.MethodPost, "/goals", "application/json", `{"goals": [`+strings.Join(goals, ",")+`]}`)
		if status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		h := c.broadcast(t, 1).Results.Holdout
		if h == nil || h.Treated.People != int64(with) || h.HeldOut.People != int64(without) ||
			h.Treated.Converted != int64(with/2) || h.HeldOut.Converted != int64(without/4) ||
			math.Abs(h.Lift-(h.Treated.Share-h.HeldOut.Share)) > 1e-9 || h.Low >= h.Lift || h.High <= h.Lift ||
			h.High > 1 {
			t.Errorf("%+v; %d got it, %d did not", h, with, without)
		}
	})
}
