package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestDoctorNamesEachFaultAndItsMending(t *testing.T) {
	for name, test := range map[string]struct {
		break_ func(*testing.T, *bench)
		code   int
		want   []string
	}{
		"nothing is wrong": {func(*testing.T, *bench) {}, 0, []string{"ok  database", "ok  account", "ok  unionid"}},
		"a wrong secret": {func(_ *testing.T, b *bench) { b.env["WXCAST_SECRET"] = "wrong" }, 1,
			[]string{"fail", "40125", "Copy the AppSecret from the console"}},
		"an IP off the whitelist": {func(_ *testing.T,
			b *bench) {
			b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseIP = true })
		}, 1,
			[]string{"fail", "40164 invalid ip 203.0.113.7", "IP白名单"}},
		"a spent quota": {func(_ *testing.T, b *bench) {
			b.sim.SetKnobs(func(k *simulator.Knobs) {
				k.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": 0, "/cgi-bin/user/get": 0}
			})
		}, 1, []string{"fail", "45009", "Run the same command again tomorrow"}},
		"a host that takes no connection": {func(_ *testing.T,
			b *bench) {
			b.env["WXCAST_API_BASE"] = "http://127.0.0.1:1"
		}, 1,
			[]string{"fail  API host", "takes no connection", "check DNS"}},
		"a wrong secret of the mini program": {func(_ *testing.T, b *bench) { b.env["WXCAST_MINI_SECRET"] = "wrong" },
			1, []string{"fail  mini program", "40125", "Copy the AppSecret"}},
		"a missing template": {func(_ *testing.T, b *bench) { b.doctor = []string{"--template", "NOPE"} }, 1,
			[]string{`fail  template`, `the account has no template "NOPE"`, "thing1, time2", "模板库"}},
		"a callback that does not answer": {func(_ *testing.T,
			b *bench) {
			b.doctor = []string{"--callback", "http://127.0.0.1:1/wechat"}
		}, 1,
			[]string{"fail  callback", "does not answer within 5 seconds", "check DNS"}},
		"replies and a menu of the console": {func(_ *testing.T, b *bench) {
			b.sim.SetKnobs(func(k *simulator.Knobs) { k.KeywordReplies, k.MenuButtons = 3, 2 })
		}, 0, []string{"warn  console", "3 replies to keywords", "a menu with 2 buttons", "before you change the URL"}},
		"no Token": {func(_ *testing.T, b *bench) { delete(b.env, "WXCAST_TOKEN") }, 0,
			[]string{"warn  callbacks", "nobody could tell WeChat from a stranger", "set WXCAST_TOKEN"}},
		"a primary that does not answer": {func(t *testing.T, b *bench) { b.relay(t, "http://127.0.0.1:1/wechat") }, 1,
			[]string{"fail  relay", "does not answer within 5 seconds", "check relay.primary"}},
		"a primary with another Token": {func(t *testing.T, b *bench) {
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
			}))
			t.Cleanup(other.Close)
			b.relay(t, other.URL)
		}, 1, []string{"fail  relay", "with the echostr (status 403)", "the same Token and EncodingAESKey"}},
		"a primary that answers": {func(t *testing.T, b *bench) {
			echoes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(r.URL.Query().Get("echostr")))
			}))
			t.Cleanup(echoes.Close)
			b.relay(t, echoes.URL)
		}, 0, []string{"ok  relay"}},
		"a store that is not migrated": {func(t *testing.T, b *bench) {
			b.env["WXCAST_DATABASE_URL"] = "sqlite://" + filepath.Join(t.TempDir(), "new.db")
		}, 1,
			[]string{"fail", "the database is not migrated", "run wxcast migrate"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 200, Seed: 8})
			b.env["WXCAST_ENCODING_AES_KEY"] = b.sim.EncodingAESKey
			test.break_(t, b)
			o := b.run(t, append([]string{"doctor"}, b.doctor...)...)
			for _, want := range test.want {
				if !strings.Contains(o.out, want) {
					t.Errorf("not told: %s", want)
				}
			}
			if o.code != test.code || t.Failed() {
				t.Errorf("exit code %d\n%s%s", o.code, o.out, o.err)
			}
		})
	}
	t.Run("the callback itself", func(t *testing.T) {
		b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 20})
		for answer, want := range map[string]string{
			"checks":     "ok  callback",
			"echoes all": "accepts a wrong signature; check the signature before you answer",
			"says no":    "does not answer with the echostr of a rightly signed test (status 403)",
		} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				keys := wechat.CallbackKeys{Token: config.Secret(b.sim.Token)}
				echo, err := keys.VerifyURL(r.URL.Query())
				switch {
				case answer == "echoes all":
					echo = r.URL.Query().Get("echostr")
				case answer == "says no", err != nil:
					w.WriteHeader(http.StatusForbidden)
					return
				}
				fmt.Fprint(w, echo)
			}))
			o := b.run(t, "doctor", "--callback", server.URL)
			server.Close()
			if got := strings.ReplaceAll(o.out, "\n", "; "); !strings.Contains(strings.Join(strings.Fields(got), " "),
				strings.Join(strings.Fields(strings.Replace(want, "; check", "; → check", 1)), " ")) {
				t.Errorf("%s: %s", answer, o.out)
			}
		}
	})
	t.Run("nobody has a unionid", func(t *testing.T) {
		b := newBench(t, storetest.SQLiteURL(t),
			simulator.Options{Followers: 200, Shares: simulator.Shares{MiniUser: 1}})
		if o := b.run(t, "doctor"); o.code != 1 ||
			!strings.Contains(o.out, "none of the first 100 followers has one") ||
			!strings.Contains(o.out, "open.weixin.qq.com") {
			t.Errorf("%+v", o)
		}
	})
}

// relay configures a primary, in a file beside the environment.
func (b *bench) relay(t *testing.T, primary string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wxcast.yaml")
	yaml := fmt.Sprintf("accounts: {default: {relay: {primary: %q}}}", primary)
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	b.doctor = []string{"--config", file}
}
