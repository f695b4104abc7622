package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// newcomer has a binary and an account, and nothing else.
type newcomer struct {
	*bench
	env map[string]string
}

func newNewcomer(t *testing.T) *newcomer {
	b := newBench(t, "", simulator.Options{Followers: 300, Seed: 8, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	t.Chdir(b.dir)
	return &newcomer{b, map[string]string{"WXCAST_API_BASE": b.env["WXCAST_API_BASE"]}}
}

// run runs a command with what is typed into it.
func (n *newcomer) run(t *testing.T, typed []string, args ...string) output {
	t.Helper()
	var out, errOut bytes.Buffer
	code := cli.Run(t.Context(), args, cli.IO{In: strings.NewReader(strings.Join(typed, "\n") + "\n"), Out: &out,
		Err: &errOut, Getenv: func(name string) string { return n.env[name] }})
	return output{code, out.String(), errOut.String()}
}

// From the binary alone to the first message on one's own phone: six answers that are typed or
// copied, and four commands more.
func TestFromNothingToTheFirstMessage(t *testing.T) {
	n := newNewcomer(t)
	var greeted []string
	robot := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		greeted = append(greeted, string(raw))
	}))
	t.Cleanup(robot.Close)
	answers := []string{"", n.sim.AppID, n.sim.Secret, n.sim.MiniAppID, n.sim.MiniSecret, "", "", robot.URL}
	o := n.run(t, answers, "init")
	if o.code != 0 || !strings.Contains(o.err, "WeChat accepts them: 300 followers") || len(greeted) != 1 {
		t.Fatalf("%+v %q", o, greeted)
	}
	for _, secret := range []string{n.sim.Secret, n.sim.MiniSecret} {
		if strings.Contains(o.out+o.err, secret) {
			t.Error("a secret is shown")
		}
	}
	for _, file := range []string{"wxcast.yaml", "store.key"} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
	if _, err := os.Stat("wxcast.db"); err == nil {
		t.Error("a store was made, by whom it is not to be used")
	}
	if left, _ := filepath.Glob("*"); len(left) != 4 { // with the files of the bench
		t.Errorf("left behind: %q", left)
	}
	cfg, err := config.Load(config.Sources{Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	of := cfg.Accounts[0]
	if of.Name != "main" || of.AppID != n.sim.AppID || len(of.EncodingAESKey) != 43 || of.Token == "" ||
		of.MiniPrograms[0].Secret.Reveal() != n.sim.MiniSecret || len(cfg.Notify) != 1 || cfg.StoreKeyFile == "" {
		t.Errorf("%+v", of)
	}

	me, _ := n.sim.FollowerIDs(7)
	if o := n.run(t, nil, "sync"); o.code != 0 {
		t.Fatalf("%+v", o)
	}
	var templates struct {
		Templates []struct {
			ID string `json:"template_id"`
		} `json:"templates"`
	}
	if err := json.Unmarshal([]byte(n.run(t, nil, "templates", "--json").out), &templates); err != nil {
		t.Fatal(err)
	}
	spec := n.run(t, nil, "templates", "--spec", templates.Templates[0].ID)
	if err := os.WriteFile("first.yaml", []byte(spec.out), 0o600); err != nil || spec.code != 0 {
		t.Fatalf("%v %+v", err, spec)
	}
	if o := n.run(t, nil, "broadcast", "test", "first.yaml", "--to", me); o.code != 0 {
		t.Fatalf("%+v\n%s", o, spec.out)
	}
	if got := n.sim.MessagesOf(me); got["template"] != 1 {
		t.Errorf("nothing on the phone: %v", got)
	}
	if o := n.run(t, answers, "init"); o.code != 2 || !strings.Contains(o.err, "--replace") {
		t.Errorf("a file that is there: %+v", o)
	}
	before, _ := os.ReadFile("wxcast.yaml")
	answers[0] = "shop"
	if o := n.run(t, answers, "init", "--replace", "--lang", "zh"); o.code != 0 || !strings.Contains(o.err, "公众号") {
		t.Errorf("%+v", o)
	}
	old, _ := os.ReadFile("wxcast.yaml.old")
	now, _ := os.ReadFile("wxcast.yaml")
	if !bytes.Equal(old, before) || !bytes.Contains(now, []byte("shop:")) ||
		!bytes.Contains(now, []byte("由 wxcast init 生成")) {
		t.Errorf("%s\n%s", old, now)
	}
}

// Each spec that is proposed is one that can be sent.
func TestTheProposedSpecsAreRight(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 50, Seed: 9,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		var all struct {
			Templates []struct {
				ID, Channel, Spec string
			} `json:"templates"`
		}
		if err := json.Unmarshal([]byte(b.run(t, "templates", "--json").out), &all); err != nil {
			t.Fatal(err)
		}
		channels := map[string]bool{}
		for _, one := range all.Templates {
			channels[one.Channel] = true
			if o := b.run(t, "broadcast", "preview", b.write(t, one.Channel+".yaml", one.Spec)); o.code != 0 {
				t.Errorf("%s\n%+v", one.Spec, o)
			}
		}
		if !channels["template"] || !channels["subscribe"] || !channels["notice"] {
			t.Errorf("only %v", channels)
		}
	})
}

// What is answered wrongly is asked again, what fails is tried again, and nothing is written by
// halves.
func TestWrongAnswersAreAskedAgain(t *testing.T) {
	n := newNewcomer(t)
	n.env["WXCAST_DATABASE_URL"] = "sqlite://" + filepath.ToSlash(n.file("mine.db"))
	n.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseIP = true })
	o := n.run(t, []string{"Not A Name", "main", "no appid", n.sim.AppID, "wrong", "", "n", // the address is refused
		"main", n.sim.AppID, "wrong", "s", "", "of-ours", "too short", "", ""}, "init")
	for _, want := range []string{"no appid", "IP白名单", "EncodingAESKey", "WXCAST_DATABASE_URL"} {
		if !strings.Contains(o.err, want) {
			t.Errorf("%q is not said", want)
		}
	}
	if o.code != 0 {
		t.Fatalf("%+v", o)
	}
	if o := n.run(t, nil, "doctor"); o.code == 0 {
		t.Errorf("the doctor is content: %+v", o)
	}
	for _, typed := range [][]string{nil, {"main", n.sim.AppID}, {"main", n.sim.AppID, "wrong", "s", ""}} {
		if err := os.Remove("wxcast.yaml"); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if o := n.run(t, typed, "init"); o.code != 2 || !strings.Contains(o.err, "no answer") {
			t.Errorf("%q: %+v", typed, o)
		}
		if left, _ := filepath.Glob("wxcast.yaml*"); len(left) > 0 {
			t.Errorf("%q", left)
		}
	}
}
