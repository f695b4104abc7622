package simulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

// One person has one ledger, whatever the channel and the openid.
func TestTheLedgerTellsWhoGotHowManyByWhat(t *testing.T) {
	a := newAccountWith(t, simulator.Knobs{})
	openid, mini := fmt.Sprint(a.users[0]), a.minis[0].OpenID // the first is a mini user, as all are
	a.sim.GivePermits(mini, a.sim.TemplateID, 2)
	a.sim.GivePermits(openid, a.sim.TemplateID, 1)
	a.sim.Say(openid, "在吗")
	seen := []string{code(a.send(0, "")), code(a.send(1, "")), code(a.subscribe(0)), code(a.subscribe(0)),
		code(a.notice(0, "")), a.text(0, "x")}
	if strings.Join(seen, "") != "okokokokokok" {
		t.Fatal(seen)
	}
	want := "map[notice:1 service:1 subscribe:2 template:1]"
	for _, id := range []string{openid, mini} {
		if got := fmt.Sprint(a.sim.MessagesOf(id)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	got := words(a.sim.Received("subscribe"), len(a.sim.Received("template")), a.sim.MessagesOf("nobody"))
	if got != fmt.Sprintf("map[%s:2] 2 map[]", mini) {
		t.Error(got)
	}
	state := get(t, a.base+simulator.ControlPath+"state")
	if got := words(state["messages"], state["people"], state["duplicates"], state["subscribe_messages"],
		state["by_channel"], state["most_per_person"]); got !=
		"6 2 4 3 map[notice:1 service:1 subscribe:2 template:2] 5" {
		t.Error(got)
	}
	lines := map[string]int{}
	for m := range a.sim.Messages() {
		lines[m.Channel+" "+m.OpenID]++
		if (m.MsgID == 0) != (m.Channel == "service") {
			t.Errorf("%+v", m)
		}
	}
	if lines["subscribe "+mini] != 2 || lines["notice "+openid] != 1 || lines["service "+openid] != 1 {
		t.Error(lines)
	}
}

// What people do on their phones is told in each form.
func TestWhatPeopleDoIsTold(t *testing.T) {
	for _, format := range []string{"xml", "json"} {
		t.Run(format, func(t *testing.T) {
			told := make(chan string, 9)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				raw, _ := io.ReadAll(r.Body)
				told <- string(raw)
			}))
			defer server.Close()
			a := newAccountWith(t, simulator.Knobs{})
			a.sim.SetKnobs(func(k *simulator.Knobs) { k.CallbackURL, k.CallbackFormat = server.URL, format })
			for call, wants := range map[string][]string{
				"say?text=hi":  {"text", "hi", "MsgId"},
				"tap?key=K":    {"event", "CLICK", "K"},
				"scan?scene=7": {"event", "SCAN", "7"},
			} {
				resp, err := http.Post(a.base+simulator.ControlPath+call+"&openid="+fmt.Sprint(a.users[0]), "", nil)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				select {
				case raw := <-told:
					for _, want := range append(wants, fmt.Sprint(a.users[0])) {
						if !strings.Contains(raw, want) {
							t.Errorf("%s: %s lacks %s", call, raw, want)
						}
					}
					if format == "json" && !json.Valid([]byte(raw)) {
						t.Error(raw)
					}
				case <-time.After(5 * time.Second):
					t.Errorf("%s: untold", call)
				}
			}
			if status := statusOf(t, a.base+simulator.ControlPath+"say?openid=nobody&text=x", ""); status != 400 {
				t.Errorf("nobody says something: %d", status)
			}
		})
	}
}
