package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// runMain makes this test binary act as wxcast: tests that kill processes need some.
const runMain = "WXCAST_TEST_RUN_MAIN"

// clockFile names a file with how far ahead the clock of such a process is, which it reads
// again and again.
const clockFile = "WXCAST_TEST_CLOCK_FILE"

func followClock(file string) {
	follow := func() {
		raw, _ := os.ReadFile(file)
		if ahead, err := time.ParseDuration(string(raw)); err == nil {
			store.MoveClock(ahead)
		}
	}
	follow()
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			follow()
		}
	}()
}

// fileMax bounds the size of the files that such a process writes, in bytes.
const fileMax = "WXCAST_TEST_FILE_MAX"

func TestMain(m *testing.M) {
	if os.Getenv(runMain) != "" {
		if most, err := strconv.ParseUint(os.Getenv(fileMax), 10, 64); err == nil {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
				panic(err)
			}
		}
		if file := os.Getenv(clockFile); file != "" {
			followClock(file)
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		os.Exit(cli.Run(ctx, os.Args[1:], cli.System()))
	}
	os.Exit(m.Run())
}

// bench is a simulated account, and a folder with the files that commands read.
type bench struct {
	sim *simulator.Server
	dir string
	env map[string]string
	// doctor are more arguments for wxcast doctor.
	doctor []string
}

func newBench(t *testing.T, databaseURL string, o simulator.Options) *bench {
	t.Helper()
	b := &bench{sim: simulator.New(o), dir: t.TempDir()}
	server := httptest.NewServer(b.sim)
	t.Cleanup(server.Close)
	b.env = map[string]string{
		"WXCAST_DATABASE_URL": databaseURL, "WXCAST_API_BASE": server.URL,
		"WXCAST_TOKEN": b.sim.Token, "WXCAST_APPID": b.sim.AppID, "WXCAST_SECRET": b.sim.Secret, "WXCAST_MINI_APPID": b.sim.MiniAppID, "WXCAST_MINI_SECRET": b.sim.MiniSecret,
	}
	var csv bytes.Buffer
	csv.WriteString("unionid,openid\n")
	for u := range b.sim.MiniUsers() {
		fmt.Fprintf(&csv, "%s,%s\n", u.UnionID, u.OpenID)
	}
	b.write(t, "mini.csv", csv.String())
	b.write(t, "spec.yaml", fmt.Sprintf("name: spring-sale\ntemplate: %s\ndata: {thing1: \"上新提醒\", time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/sale/index?from=oa\"}\nrate: 2000\n", b.sim.TemplateID))
	return b
}

func (b *bench) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// output is what one command line left behind.
type output struct {
	code     int
	out, err string
}

// json is the command's one JSON object.
func (o output) json(t *testing.T) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(o.out))
	v := map[string]any{}
	if err := dec.Decode(&v); err != nil || dec.More() || o.code != 0 {
		t.Fatalf("exit code %d, no single JSON object: %v\n%s\n%s", o.code, err, o.out, o.err)
	}
	return v
}

// run runs a command line in this process.
func (b *bench) run(t *testing.T, args ...string) output { return b.runWith(t, nil, args...) }

// runWith is run with other environment variables; an empty one is unset.
func (b *bench) runWith(t *testing.T, env map[string]string, args ...string) output {
	t.Helper()
	all := maps.Clone(b.env)
	maps.Copy(all, env)
	var out, errOut bytes.Buffer
	code := cli.Run(t.Context(), args, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errOut, Getenv: func(name string) string { return all[name] }})
	return output{code, out.String(), errOut.String()}
}

// prepare brings the account to where a broadcast can begin.
func (b *bench) prepare(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"sync"}, {"import", b.file("mini.csv")}, {"join"}} {
		if o := b.run(t, args...); o.code != 0 {
			t.Fatalf("%v: %+v", args, o)
		}
	}
}

func number(t *testing.T, v map[string]any, path string) int64 {
	t.Helper()
	var at any = v
	for key := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			t.Fatalf("%s is not in %v", path, v)
		}
		at = m[key]
	}
	f, ok := at.(float64)
	if !ok {
		t.Fatalf("%s is %v", path, at)
	}
	return int64(f)
}

func TestTheWholeJobThroughTheCommandLine(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 2000, Seed: 21})
		sync := b.run(t, "sync", "--json").json(t)
		if number(t, sync, "listed") != 2000 || number(t, sync, "new") != 2000 || number(t, sync, "api_calls.user/info/batchget") != 20 || sync["mode"] != "incremental" {
			t.Errorf("%v", sync)
		}
		imported := b.run(t, "import", b.file("mini.csv"), "--json").json(t)
		if number(t, imported, "rows") != number(t, imported, "inserted") || number(t, imported, "rejected") != 0 {
			t.Errorf("%v", imported)
		}
		join := b.run(t, "join", "--json").json(t)
		joined := number(t, join, "joined")
		if number(t, join, "with_unionid") != number(t, sync, "with_unionid") || number(t, join, "new") != joined || joined < 1000 {
			t.Errorf("%v", join)
		}
		sent := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json").json(t)
		if number(t, sent, "recipients") != joined || number(t, sent, "sent")+number(t, sent, "failed") != joined || sent["state"] != "done" ||
			number(t, sent, "by_errcode.43004") != number(t, sent, "failed") {
			t.Errorf("%v", sent)
		}
		if state := b.sim.State(); int64(state.Messages) != number(t, sent, "sent") || state.Duplicates != 0 {
			t.Errorf("%+v beside %v", state, sent)
		}
		report := b.run(t, "report", "--json").json(t)
		if number(t, report, "followers.followers") != 2000 || number(t, report, "bridge.joined") != joined || len(report["broadcasts"].([]any)) != 1 {
			t.Errorf("%v", report)
		}
		send := report["apis"].([]any)[0].(map[string]any)
		if send["api"] != "/cgi-bin/message/template/send" || number(t, send, "used") != joined || number(t, send, "remain") != 100_000-joined {
			t.Errorf("%v", send)
		}
		for args, want := range map[string]string{"zh": "<h1>公众号日报</h1>", "en": "<h1>Daily report</h1>"} {
			if page := b.run(t, "report", "--format", "html", "--lang", args); page.code != 0 || !strings.Contains(page.out, want) || !strings.Contains(page.out, "spring-sale") || strings.Count(page.out, "<svg") != 2 {
				t.Errorf("%d %.300s %s", page.code, page.out, page.err)
			}
		}
		if o := b.run(t, "report", "--format", "html", "--lang", "fr"); o.code != 2 || !strings.Contains(o.err, `--lang: "fr" is no language of the page; write one of zh, en`) {
			t.Errorf("%+v", o)
		}
		again := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json")
		if number(t, again.json(t), "sent") != number(t, sent, "sent") || !strings.Contains(again.err, "done already; nothing is sent") || b.sim.State().Duplicates != 0 {
			t.Errorf("%+v", again)
		}
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		if number(t, status, "sent") != number(t, sent, "sent") {
			t.Errorf("%v", status)
		}
	})
}

func TestTheDemoAgreesWithItself(t *testing.T) {
	b := newBench(t, "", simulator.Options{})
	for _, args := range [][]string{{"demo", "--followers", "3000", "--rate", "3000", "--json"}, {"demo", "--followers", "1", "--rate", "3000", "--json"}} {
		o := b.runWith(t, map[string]string{"WXCAST_API_BASE": "http://127.0.0.1:1"}, args...)
		d := o.json(t)
		joined := number(t, d, "join.joined")
		final := number(t, d, "broadcast.sent") + number(t, d, "broadcast.failed") + number(t, d, "broadcast.skipped") + number(t, d, "broadcast.unknown")
		if number(t, d, "broadcast.recipients") != joined || final != joined || number(t, d, "broadcast.pending") != 0 || number(t, d, "report.bridge.joined") != joined {
			t.Errorf("%s", o.out)
		}
	}
}

func TestBadInputGetsOneSentenceAndExitCode2(t *testing.T) {
	db := storetest.SQLiteURL(t)
	b := newBench(t, db, simulator.Options{Followers: 50, Seed: 2, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	spec := func(change string) string {
		raw, err := os.ReadFile(b.file("spec.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		old, replacement, _ := strings.Cut(change, " => ")
		return b.write(t, "bad.yaml", strings.Replace(string(raw), old, replacement, 1))
	}
	run := func(args ...string) func(*testing.T) output {
		return func(t *testing.T) output { return b.run(t, args...) }
	}
	with := func(env map[string]string, args ...string) func(*testing.T) output {
		return func(t *testing.T) output { return b.runWith(t, env, args...) }
	}
	badSpec := func(change string) func(*testing.T) output {
		return func(t *testing.T) output { return b.run(t, "broadcast", "run", spec(change)) }
	}
	badFile := func(name, text string, args ...string) func(*testing.T) output {
		return func(t *testing.T) output { return b.run(t, append(args, b.write(t, name, text))...) }
	}
	for name, test := range map[string]struct {
		run  func(*testing.T) output
		want string
	}{
		"a missing secret":           {with(map[string]string{"WXCAST_SECRET": ""}, "sync"), "accounts.default.secret: is missing; set WXCAST_SECRET"},
		"no account":                 {with(map[string]string{"WXCAST_SECRET": "", "WXCAST_APPID": "", "WXCAST_MINI_APPID": "", "WXCAST_MINI_SECRET": "", "WXCAST_TOKEN": ""}, "sync"), "accounts: no account is configured; set WXCAST_APPID"},
		"a wrong secret":             {with(map[string]string{"WXCAST_SECRET": "wrong", "WXCAST_DATABASE_URL": storetest.SQLiteURL(t)}, "sync"), "40125 invalid appsecret"},
		"no mini program":            {with(map[string]string{"WXCAST_MINI_APPID": "", "WXCAST_MINI_SECRET": ""}, "join"), "mini_programs: is missing; set WXCAST_MINI_APPID"},
		"an unknown key in the file": {badFile("conf.yaml", "sync: {concurency: 3}\n", "sync", "--config"), "conf.yaml: sync.concurency: is not a setting; did you mean sync.concurrency?"},
		"a file that is not there":   {run("sync", "--config", "nowhere.yaml"), `--config: "nowhere.yaml" cannot be read`},
		"a setting out of range":     {with(map[string]string{"WXCAST_SYNC_RATE": "-3"}, "sync"), `WXCAST_SYNC_RATE: "-3" is not a number`},
		"an unreachable Postgres":    {run("sync", "--database", "postgres://u:hunter2@127.0.0.1:1/x"), "the database cannot be reached: dial tcp 127.0.0.1:1"},
		"a folder that is not there": {run("sync", "--database", "sqlite:///nowhere/at/all/w.db"), "the database cannot be reached: the folder of /nowhere/at/all/w.db"},
		"a database of another kind": {run("sync", "--database", "mysql://x"), `database.url: "mysql://x" does not begin with sqlite:// or postgres://`},
		"a CSV that is not there":    {run("import", "nowhere.csv"), "nowhere.csv: cannot be read; name a file that exists"},
		"a CSV without the column":   {badFile("a.csv", "union,openid\nu,o\n", "import"), "a.csv:1: unionid: there is no such column; the source has union, openid"},
		"a CSV with no good row":     {badFile("a.csv", "unionid,openid\nv\n", "import"), "a.csv:2: the row has 1 fields and the header 2, and none of the 1 rows can be used"},
		"an import of nothing":       {run("import"), "import needs a FILE, or --from URL with --query SQL"},
		"an import of two things":    {run("import", "a.csv", "--from", "mysql://h/d"), "import reads either FILE or --from"},
		"a source without a query":   {run("import", "--from", "mysql://h/d"), "--from needs --query"},
		"a source that is none":      {run("import", "--from", "oracle://h/d", "--query", "x"), `the scheme "oracle" is not known; write mysql://`},
		"a source that is not there": {run("import", "--from", "mysql://u:hunter2@127.0.0.1:1/d", "--query", "x"), "the database cannot be reached"},
		"an unknown template":        {badSpec(b.sim.TemplateID + " => NOPE"), `bad.yaml:2: template: the account has no template "NOPE"; it has sim-`},
		"a key the template lacks":   {badSpec("time2 => time7"), "bad.yaml:3: data.time2: is missing"},
		"a negative rate":            {badSpec("rate: 2000 => rate: -5"), `bad.yaml:5: rate: "-5" is not a number of messages per second`},
		"a negative --rate":          {run("broadcast", "run", b.file("spec.yaml"), "--rate", "-5"), "--rate: -5 is not a number of messages per second"},
		"a spec that is not there":   {run("broadcast", "run", "nowhere.yaml"), "nowhere.yaml: cannot be read"},
		"an unknown broadcast":       {run("broadcast", "status", "99"), "account default has no broadcast 99"},
		"an ID that is none":         {run("broadcast", "status", "x"), `"x" is no broadcast's ID`},
		"an unknown command":         {run("broadcats"), `unknown command "broadcats" for "wxcast"`},
		"an unknown flag":            {run("sync", "--ful"), "unknown flag: --ful"},
		"too few arguments":          {run("migrate", "x"), `unknown command "x"`},
		"a day that is none":         {run("report", "--day", "yesterday"), `--day: "yesterday" is no date; write it as 2026-11-30`},
		"a format that is none":      {run("report", "--format", "xml"), `--format: "xml" is no format; write one of table, json, csv`},
		"an errcode that is none":    {run("explain", "x"), `"x" is no errcode`},
	} {
		t.Run(name, func(t *testing.T) {
			o := test.run(t)
			if o.code != 2 || !strings.Contains(o.err, test.want) || o.out != "" {
				t.Errorf("exit code %d\n%s%s\nwant %s", o.code, o.err, o.out, test.want)
			}
			if strings.Contains(o.err, "hunter2") {
				t.Error("a password is in the error")
			}
		})
	}
	if state := b.sim.State(); state.Messages != 0 {
		t.Errorf("%d messages were sent", state.Messages)
	}
	if all := b.run(t, "broadcast", "list", "--json").json(t); len(all["broadcasts"].([]any)) != 0 {
		t.Errorf("bad specs left broadcasts behind: %v", all)
	}
}

func TestANewerSchemaIsLeftAlone(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 1})
		storetest.PretendNewerSchema(t, url)
		for _, command := range []string{"sync", "migrate"} {
			if o := b.run(t, command); o.code != 2 || !strings.Contains(o.err, "was migrated by a newer wxcast: its schema is version 9999") || !strings.Contains(o.err, "use the wxcast that migrated it") {
				t.Errorf("%s: %+v", command, o)
			}
		}
	})
}

func TestExitCodesOfABroadcastThatStops(t *testing.T) {
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 300, Seed: 4, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": 100} })
	spent := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json")
	if spent.code != 3 || !strings.Contains(spent.out, `"sent":100,`) || !strings.Contains(spent.out, `"state":"waiting"`) || !strings.Contains(spent.err, "broadcast 1 waits: the day's quota of template messages is used up; it can go on from 20") {
		t.Errorf("%+v", spent)
	}
	b.sim.MoveClock(24 * time.Hour)
	b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 43116 })
	braked := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json")
	if braked.code != 4 || !strings.Contains(braked.err, "Continuing broadcast 1 (spring-sale)") || !strings.Contains(braked.err, "this template is banned") {
		t.Errorf("%+v", braked)
	}
	if o := b.run(t, "broadcast", "cancel", "1"); o.code != 0 || o.out != "Broadcast 1 (spring-sale) is cancelled.\n" {
		t.Errorf("%+v", o)
	}
	if o := b.run(t, "broadcast", "pause", "1"); o.code != 2 {
		t.Errorf("%+v", o)
	}
}

// Everything that a command prints at the most talkative level, in good days and bad.
func TestNoOutputHoldsASecretOrAToken(t *testing.T) {
	url := storetest.SQLiteURL(t)
	b := newBench(t, url, simulator.Options{Followers: 300, Seed: 6})
	b.env["WXCAST_TOKEN"], b.env["WXCAST_ENCODING_AES_KEY"] = "callback-t0ken", strings.Repeat("k", 43)
	var all strings.Builder
	run := func(args ...string) {
		o := b.run(t, append(args, "--log-level", "debug")...)
		all.WriteString(o.out + o.err)
	}
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hidden := map[string]bool{b.sim.Secret: true, b.sim.MiniSecret: true, "callback-t0ken": true, strings.Repeat("k", 43): true}
	for _, knobs := range []simulator.Knobs{{}, {Busy: 0.1, BadGateway: 0.1, DropAfter: 0.1}, {RefuseSend: 40001}, {RefuseSend: 40037}, {RefuseIP: true, KillTokenEvery: 1}} {
		b.sim.SetKnobs(func(k *simulator.Knobs) {
			size, life := k.PageSize, k.TokenLife
			*k = knobs
			k.PageSize, k.TokenLife = size, life
		})
		run("doctor")
		run("doctor", "--json")
		run("sync", "--full")
		run("import", b.file("mini.csv"))
		run("join")
		run("broadcast", "run", b.file("spec.yaml"))
		run("report")
		token, err := db.Token(t.Context(), wxcast.AppID(b.sim.AppID))
		if err != nil {
			t.Fatal(err)
		}
		hidden[token.Reveal()] = true
	}
	for secret := range hidden {
		if secret == "" || strings.Contains(all.String(), secret) {
			t.Errorf("%q is in the output", secret)
		}
	}
	if all.Len() < 2000 {
		t.Errorf("only %d bytes were looked at", all.Len())
	}
}

func TestDoctorNamesEachFaultAndItsMending(t *testing.T) {
	for name, test := range map[string]struct {
		break_ func(*testing.T, *bench)
		code   int
		want   []string
	}{
		"nothing is wrong": {func(*testing.T, *bench) {}, 0, []string{"ok  database", "ok  account", "ok  unionid"}},
		"a wrong secret":   {func(_ *testing.T, b *bench) { b.env["WXCAST_SECRET"] = "wrong" }, 1, []string{"fail", "40125", "Copy the AppSecret from the console"}},
		"an IP off the whitelist": {func(_ *testing.T, b *bench) { b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseIP = true }) }, 1,
			[]string{"fail", "40164 invalid ip 203.0.113.7", "IP白名单"}},
		"a spent quota": {func(_ *testing.T, b *bench) {
			b.sim.SetKnobs(func(k *simulator.Knobs) {
				k.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": 0, "/cgi-bin/user/get": 0}
			})
		}, 1, []string{"fail", "45009", "Run the same command again tomorrow"}},
		"a host that takes no connection":    {func(_ *testing.T, b *bench) { b.env["WXCAST_API_BASE"] = "http://127.0.0.1:1" }, 1, []string{"fail  API host", "takes no connection", "check DNS"}},
		"a wrong secret of the mini program": {func(_ *testing.T, b *bench) { b.env["WXCAST_MINI_SECRET"] = "wrong" }, 1, []string{"fail  mini program", "40125", "Copy the AppSecret"}},
		"a missing template": {func(_ *testing.T, b *bench) { b.doctor = []string{"--template", "NOPE"} }, 1,
			[]string{`fail  template`, `the account has no template "NOPE"`, "thing1, time2", "模板库"}},
		"a callback that does not answer": {func(_ *testing.T, b *bench) { b.doctor = []string{"--callback", "http://127.0.0.1:1/wechat"} }, 1,
			[]string{"fail  callback", "does not answer within 5 seconds", "check DNS"}},
		"a store that is not migrated": {func(t *testing.T, b *bench) {
			b.env["WXCAST_DATABASE_URL"] = "sqlite://" + filepath.Join(t.TempDir(), "new.db")
		}, 1,
			[]string{"fail", "the database is not migrated", "run wxcast migrate"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 200, Seed: 8})
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
			if got := strings.ReplaceAll(o.out, "\n", "; "); !strings.Contains(strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(strings.Replace(want, "; check", "; → check", 1)), " ")) {
				t.Errorf("%s: %s", answer, o.out)
			}
		}
	})
	t.Run("nobody has a unionid", func(t *testing.T) {
		b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 200, Shares: simulator.Shares{MiniUser: 1}})
		if o := b.run(t, "doctor"); o.code != 1 || !strings.Contains(o.out, "none of the first 100 followers has one") || !strings.Contains(o.out, "open.weixin.qq.com") {
			t.Errorf("%+v", o)
		}
	})
}

func TestExplain(t *testing.T) {
	b := newBench(t, "", simulator.Options{})
	for _, args := range [][]string{{"explain", "40164"}, {"explain", "-1"}, {"explain", "--json", "43004"}, {"explain", "987654"}} {
		golden(t, strings.Join(args, "_")+".golden", b.run(t, args...).out)
	}
}

func TestHelp(t *testing.T) {
	b := newBench(t, "", simulator.Options{})
	for _, args := range [][]string{{}, {"sync"}, {"broadcast", "run"}, {"demo"}, {"sim"}} {
		o := b.run(t, append(args, "--help")...)
		golden(t, "help_"+strings.Join(args, "_")+".golden", o.out)
	}
	if o := b.run(t, "completion", "bash"); o.code != 0 || !strings.Contains(o.out, "__start_wxcast") {
		t.Errorf("no completion: %+v", o)
	}
}

// golden holds a text against its file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// process runs a command line as a process of its own.
func (b *bench) process(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), runMain+"=1")
	for name, value := range b.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}
