package cli_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/golden"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestTheWholeJobThroughTheCommandLine(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 2000, Seed: 21})
		sync := b.run(t, "sync", "--json").json(t)
		if number(t, sync, "listed") != 2000 || number(t, sync, "new") != 2000 ||
			number(t, sync, "api_calls.user/info/batchget") != 20 || sync["mode"] != "incremental" {
			t.Errorf("%v", sync)
		}
		imported := b.run(t, "import", b.file("mini.csv"), "--json").json(t)
		if number(t, imported, "rows") != number(t, imported, "inserted") || number(t, imported, "rejected") != 0 {
			t.Errorf("%v", imported)
		}
		join := b.run(t, "join", "--json").json(t)
		joined := number(t, join, "joined")
		if number(t, join, "with_unionid") != number(t, sync, "with_unionid") || number(t, join, "new") != joined ||
			joined < 1000 {
			t.Errorf("%v", join)
		}
		sent := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json").json(t)
		if number(t, sent, "recipients") != joined || number(t, sent, "sent")+number(t, sent, "failed") != joined ||
			sent["state"] != "done" ||
			number(t, sent, "by_errcode.43004") != number(t, sent, "failed") {
			t.Errorf("%v", sent)
		}
		if state := b.sim.State(); int64(state.Messages) != number(t, sent, "sent") || state.Duplicates != 0 {
			t.Errorf("%+v beside %v", state, sent)
		}
		report := b.run(t, "report", "--json").json(t)
		if number(t, report, "followers.followers") != 2000 || number(t, report, "bridge.joined") != joined ||
			len(report["broadcasts"].([]any)) != 1 {
			t.Errorf("%v", report)
		}
		send := report["apis"].([]any)[0].(map[string]any)
		// On a machine with much else to do, calls time out and are made again.
		if calls := int64(b.sim.CallsTo(wechat.TemplateSendAPI)); send["api"] != wechat.TemplateSendAPI ||
			number(t, send, "used") != calls || number(t, send, "remain") != 100_000-calls || calls < joined {
			t.Errorf("%v, want %d calls to %d people", send, calls, joined)
		}
		for args, want := range map[string]string{"zh": "<h1>公众号日报</h1>", "en": "<h1>Daily report</h1>"} {
			if page := b.run(t, "report", "--format", "html", "--lang", args); page.code != 0 ||
				!strings.Contains(page.out, want) || !strings.Contains(page.out, "spring-sale") ||
				strings.Count(page.out, "<svg") != 2 {
				t.Errorf("%d %.300s %s", page.code, page.out, page.err)
			}
		}
		if o := b.run(t, "report", "--format", "html", "--lang", "fr"); o.code != 2 ||
			!strings.Contains(o.err, `--lang: invalid value "fr"; use en or zh`) {
			t.Errorf("%+v", o)
		}
		again := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json")
		if number(t, again.json(t), "sent") != number(t, sent, "sent") ||
			!strings.Contains(again.err, "done already; nothing is sent") || b.sim.State().Duplicates != 0 {
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
	for _, args := range [][]string{{"demo", "--followers", "3000", "--rate", "3000", "--json"},
		{"demo", "--followers", "1", "--rate", "3000", "--json"}} {
		o := b.runWith(t, map[string]string{"WXCAST_API_BASE": "http://127.0.0.1:1"}, args...)
		d := o.json(t)
		joined := number(t, d, "join.joined")
		final := number(t, d, "broadcast.sent") + number(t, d, "broadcast.failed") + number(t, d,
			"broadcast.skipped") + number(t, d, "broadcast.unknown")
		if number(t, d, "broadcast.recipients") != joined || final != joined ||
			number(t, d, "broadcast.pending") != 0 || number(t, d, "report.bridge.joined") != joined {
			t.Errorf("%s", o.out)
		}
		if reached := number(t, d, "channels.by_channel.service.sent") + number(t, d, "channels.by_channel.template.sent") +
			number(t, d, "channels.by_channel.subscribe.sent"); reached != number(t, d, "channels.sent") ||
			number(t, d, "channels.pending") != 0 {
			t.Errorf("%s", o.out)
		}
	}
}

// The demo as anybody runs it: a sender of its is killed, the quota ends, days go by, and by WeChat's
// own books nobody is left out or gets it twice.
func TestTheDemosWeek(t *testing.T) {
	t.Parallel()
	b := newBench(t, "", simulator.Options{})
	delete(b.env, "WXCAST_DATABASE_URL")
	cmd := b.process("demo", "--json")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errOut.String())
	}
	d := output{0, out.String(), errOut.String()}.json(t)
	if number(t, d, "week.twice") != 0 || number(t, d, "week.killed_at") == 0 || number(t, d, "week.came") == 0 ||
		d["week"].(map[string]any)["waited_for"] == nil || number(t, d, "broadcast.pending") != 0 ||
		number(t, d, "week.next.pending") != 0 || number(t, d, "week.next.unknown") != 0 ||
		number(t, d, "broadcast.sent") < number(t, d, "join.joined")*9/10 {
		t.Errorf("%s", out.String())
	}
	// Who has left when the killed sender's message is repeated may have got it before.
	if gone := number(t, d, "broadcast.by_errcode.43004"); number(t, d, "broadcast.failed")+
		number(t, d, "broadcast.unknown") != gone {
		t.Errorf("%s\nwant all who did not get it to be the %v who do not follow", out.String(), gone)
	}
}

func TestBadInputGetsOneSentenceAndExitCode2(t *testing.T) {
	db := storetest.SQLiteURL(t)
	b := newBench(t, db, simulator.Options{Followers: 50, Seed: 2,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
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
		"a missing secret": {with(map[string]string{"WXCAST_SECRET": ""}, "sync"),
			"accounts.default.secret: is missing; set WXCAST_SECRET"},
		"no account": {with(map[string]string{"WXCAST_SECRET": "", "WXCAST_APPID": "",
			"WXCAST_MINI_APPID": "", "WXCAST_MINI_SECRET": "", "WXCAST_TOKEN": ""}, "sync"),
			"accounts: no account is configured; set WXCAST_APPID"},
		"a wrong secret": {with(map[string]string{"WXCAST_SECRET": "wrong",
			"WXCAST_DATABASE_URL": storetest.SQLiteURL(t)}, "sync"), "40125 invalid appsecret"},
		"no mini program": {with(map[string]string{"WXCAST_MINI_APPID": "", "WXCAST_MINI_SECRET": ""},
			"join"), "mini_programs: is missing; set WXCAST_MINI_APPID"},
		"an unknown key in the file": {badFile("conf.yaml", "sync: {concurency: 3}\n", "sync", "--config"),
			"conf.yaml: sync.concurency: is not a setting; did you mean sync.concurrency?"},
		"a file that is not there": {run("sync", "--config", "nowhere.yaml"),
			`--config: "nowhere.yaml" cannot be read`},
		"a setting out of range": {with(map[string]string{"WXCAST_SYNC_RATE": "-3"}, "sync"),
			`WXCAST_SYNC_RATE: "-3" is not a number`},
		"an unreachable Postgres": {run("sync", "--database", "postgres://u:hunter2@127.0.0.1:1/x"),
			"the database cannot be reached: dial tcp 127.0.0.1:1"},
		"a folder that is not there": {run("sync", "--database", "sqlite:///nowhere/at/all/w.db"),
			"the database cannot be reached: the folder of /nowhere/at/all/w.db"},
		"a database of another kind": {run("sync", "--database", "mysql://x"),
			`database.url: "mysql://x" does not begin with sqlite:// or postgres://`},
		"a CSV that is not there": {run("import", "nowhere.csv"),
			"nowhere.csv: cannot be read; name a file that exists"},
		"a CSV without the column": {badFile("a.csv", "union,openid\nu,o\n", "import"),
			"a.csv:1: unionid: there is no such column; the source has union, openid"},
		"a CSV with no good row": {badFile("a.csv", "unionid,openid\nv\n", "import"),
			"a.csv:2: the row has 1 fields and the header 2, and none of the 1 rows can be used"},
		"an import of nothing": {run("import"), "import needs a FILE, or --from URL with --query SQL"},
		"an import of two things": {run("import", "a.csv", "--from", "mysql://h/d"),
			"import reads either FILE or --from"},
		"a source without a query": {run("import", "--from", "mysql://h/d"), "--from needs --query"},
		"a source that is none": {run("import", "--from", "oracle://h/d", "--query", "x"),
			`the scheme "oracle" is not known; write mysql://`},
		"a source that is not there": {run("import", "--from", "mysql://u:hunter2@127.0.0.1:1/d", "--query", "x"),
			"the database cannot be reached"},
		"an unknown template": {badSpec(b.sim.TemplateID + " => NOPE"),
			`bad.yaml:2: template: the account has no template "NOPE"; it has sim-`},
		"a key the template lacks": {badSpec("time2 => time7"), "bad.yaml:3: data.time2: is missing"},
		"a negative rate": {badSpec("rate: 2000 => rate: -5"),
			`bad.yaml:5: rate: "-5" is not a number of messages per second`},
		"a negative --rate": {run("broadcast", "run", b.file("spec.yaml"), "--rate", "-5"),
			"--rate: invalid rate: -5 (use a number of messages per second"},
		"a spec that is not there": {run("broadcast", "run", "nowhere.yaml"), "nowhere.yaml: cannot be read"},
		"an unknown broadcast":     {run("broadcast", "status", "99"), "account default has no broadcast 99"},
		"an ID that is none":       {run("broadcast", "status", "x"), `"x" is no broadcast's ID`},
		"an unknown command":       {run("broadcats"), `unknown command "broadcats" for "wxcast"`},
		"an unknown flag":          {run("sync", "--ful"), "unknown flag: --ful"},
		"too few arguments":        {run("migrate", "x"), `unknown command "x"`},
		"a day that is none": {run("report", "--day", "yesterday"),
			`--day: "yesterday" is no date; write it as 2026-11-30`},
		"a format that is none": {run("report", "--format", "xml"),
			`--format: invalid value "xml"; use table, json, csv or html`},
		"an errcode that is none": {run("explain", "x"), `"x" is no errcode`},
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
			if o := b.run(t, command); o.code != 2 ||
				!strings.Contains(o.err, "was migrated by a newer wxcast: its schema is version 9999") ||
				!strings.Contains(o.err, "use the wxcast that migrated it") {
				t.Errorf("%s: %+v", command, o)
			}
		}
	})
}

func TestExitCodesOfABroadcastThatStops(t *testing.T) {
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 300, Seed: 4,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": 100} })
	spent := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json")
	if spent.code != 3 || !strings.Contains(spent.out, `"sent":100,`) ||
		!strings.Contains(spent.out, `"state":"waiting"`) ||
		!strings.Contains(spent.err,
			"broadcast 1 waits: the day's quota of /cgi-bin/message/template/send is used up; it can go on from 20") {
		t.Errorf("%+v", spent)
	}
	b.sim.MoveClock(24 * time.Hour)
	b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 43116 })
	braked := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json")
	if braked.code != 4 || !strings.Contains(braked.err, "Continuing broadcast 1 (spring-sale)") ||
		!strings.Contains(braked.err, "this template is banned") {
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
	hidden := map[string]bool{b.sim.Secret: true, b.sim.MiniSecret: true, "callback-t0ken": true,
		strings.Repeat("k", 43): true}
	for _, knobs := range []simulator.Knobs{{}, {Busy: 0.1, BadGateway: 0.1, DropAfter: 0.1}, {RefuseSend: 40001},
		{RefuseSend: 40037}, {RefuseIP: true, KillTokenEvery: 1}} {
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

func TestGoldenExplain(t *testing.T) {
	b := newBench(t, "", simulator.Options{})
	for _, args := range [][]string{{"explain", "40164"}, {"explain", "-1"}, {"explain", "--json", "43004"},
		{"explain", "987654"}} {
		golden.Check(t, "testdata/"+strings.Join(args, "_")+".golden", b.run(t, args...).out,
			"an errcode is explained otherwise than before")
	}
}

func TestGoldenHelp(t *testing.T) {
	b := newBench(t, "", simulator.Options{})
	for _, args := range [][]string{{}, {"sync"}, {"broadcast", "run"}, {"demo"}, {"sim"}} {
		o := b.run(t, append(args, "--help")...)
		golden.Check(t, "testdata/help_"+strings.Join(args, "_")+".golden", o.out,
			"a help text reads otherwise than before")
	}
	if o := b.run(t, "completion", "bash"); o.code != 0 || !strings.Contains(o.out, "__start_wxcast") {
		t.Errorf("no completion: %+v", o)
	}
}

// An interrupt that comes before the command has begun.
func TestAnInterruptBeforeTheCommandBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, told strings.Builder
	code := cli.Run(ctx, []string{"sync", "--no-such-flag"},
		cli.IO{In: strings.NewReader(""), Out: &out, Err: &told, Getenv: func(string) string { return "" }})
	if code != 130 || told.String() != "wxcast: interrupted\n" {
		t.Errorf("%d %q", code, told.String())
	}
}
