package cli_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestFollowersShowExportForget(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 400, Seed: 41,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 0.5, Unreachable: 0.1}})
		zhang, _ := b.sim.FollowerIDs(5)
		li, _ := b.sim.FollowerIDs(6)
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RawRemarks = map[string]string{zhang: "张三丰", li: "李四"} })
		b.prepare(t)
		run := b.run(t, "broadcast", "run", b.file("spec.yaml"), "--json").json(t)

		rows := readCSV(t, b.run(t, "followers", "export"))
		if len(rows) != 401 || rows[0][0] != "openid" ||
			!slices.IsSortedFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) }) {
			t.Fatalf("%d rows, the first %v", len(rows), rows[0])
		}
		b.findByRemark(t, rows)
		bridged := readCSV(t, b.run(t, "followers", "export", "--bridged"))
		if int64(len(bridged)-1) != number(t, run, "recipients") || bridged[1][2] == "" {
			t.Errorf("%d bridged of %v", len(bridged)-1, run)
		}
		if others := readCSV(t, b.run(t, "followers", "export", "--not-bridged")); len(others)+len(bridged) != 402 {
			t.Errorf("%d and %d", len(others), len(bridged))
		}
		tag := func(args ...string) int {
			return len(readCSV(t, b.run(t, append([]string{"followers", "export"}, args...)...))) - 1
		}
		with, both, without := tag("--tag", "100"), tag("--all-tags", "100,101"), tag("--without-tag", "100")
		if with == 0 || with+without != 400 || both == 0 || both >= with {
			t.Errorf("%d with the tag, %d with both, %d without", with, both, without)
		}
		if early, late := tag("--followed-until", "2025-01-01"), tag("--followed-from", "2025-01-01"); early == 0 ||
			late == 0 || early+late != 400 {
			t.Errorf("%d before and %d since", early, late)
		}
		if found := tag("--scene", "ADD_SCENE_QR_CODE"); found == 0 || found == 400 {
			t.Errorf("%d by QR code", found)
		}
		lines := b.run(t, "followers", "export", "--bridged", "--format", "jsonl", "--out", b.file("out.jsonl"),
			"--json").json(t)
		text, err := os.ReadFile(b.file("out.jsonl"))
		if err != nil || number(t, lines, "followers") != int64(strings.Count(string(text), "\n")) {
			t.Errorf("%v %v", lines, err)
		}
		var first struct {
			OpenID, UnionID string
			MiniOpenID      string `json:"mini_openid"`
		}
		if err := json.Unmarshal([]byte(strings.SplitN(string(text), "\n", 2)[0]), &first); err != nil ||
			first.OpenID != bridged[1][0] || first.MiniOpenID != bridged[1][2] {
			t.Errorf("%+v %v", first, err)
		}

		// Both ids lead to the same person.
		for _, id := range []string{first.OpenID, first.UnionID} {
			shown := b.run(t, "followers", "show", id, "--json").json(t)
			deliveries := shown["deliveries"].([]any)
			minis := shown["mini_users"].([]any)
			if len(deliveries) != 1 || deliveries[0].(map[string]any)["attempts"] != 1.0 || len(minis) != 1 ||
				minis[0].(map[string]any)["bridged"] != true {
				t.Errorf("%v", shown)
			}
		}
		if o := b.run(t, "followers", "show", first.OpenID); !strings.Contains(o.out, "Follower "+first.OpenID) ||
			!strings.Contains(o.out, "spring-sale") {
			t.Errorf("%+v", o)
		}

		before := b.run(t, "report", "--json").json(t)
		forgotten := b.run(t, "followers", "forget", first.OpenID, "--json").json(t)
		for key, want := range map[string]int64{"followers": 1, "mini_users": 1, "bridges": 1, "deliveries": 1} {
			if number(t, forgotten, key) != want {
				t.Errorf("forgotten %v", forgotten)
			}
		}
		after := b.run(t, "report", "--json").json(t)
		for _, count := range []string{"followers.followers", "bridge.joined", "bridge.mini_users",
			"bridge.followers"} {
			if number(t, after, count) != number(t, before, count)-1 {
				t.Errorf("%s is %d after %d", count, number(t, after, count), number(t, before, count))
			}
		}
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		if number(t, status, "recipients") != number(t, run, "recipients") ||
			number(t, status, "sent") != number(t, run, "sent") {
			t.Errorf("%v after %v", status, run)
		}
		for _, command := range []string{"show", "forget"} {
			if o := b.run(t, "followers", command, first.OpenID); o.code != 2 ||
				!strings.Contains(o.err, "nobody in the database has this openid, unionid or mini_openid") {
				t.Errorf("%s: %+v", command, o)
			}
		}
		// The kept listing has forgotten them, too: they are met as new.
		if again := b.run(t, "sync", "--json").json(t); number(t, again, "new") != 1 {
			t.Errorf("%v", again)
		}
	})
}

func readCSV(t *testing.T, o output) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(o.out)).ReadAll()
	if err != nil || o.code != 0 {
		t.Fatalf("%v: %+v", err, o)
	}
	return rows
}

func TestAPersonWhoIsStillToGetAMessageIsNotForgotten(t *testing.T) {
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 30, Seed: 42,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": 10} })
	b.run(t, "broadcast", "run", b.file("spec.yaml"))
	rows := readCSV(t, b.run(t, "followers", "export"))
	last := rows[len(rows)-1][0] // sending goes in openid order
	if o := b.run(t, "followers", "forget", last); o.code == 0 ||
		!strings.Contains(o.err, "broadcast 1 (spring-sale) still has a message for this person") {
		t.Errorf("%+v", o)
	}
}

func TestImportWritesTheRejectedRows(t *testing.T) {
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 1})
	file := b.write(t, "users.csv", "unionid,openid\nu1,o1\n,o2\nu3\n")
	summary := b.run(t, "import", file, "--json").json(t)
	if number(t, summary, "inserted") != 1 || number(t, summary, "rejected") != 2 ||
		summary["rejects_file"] != file+".rejected.csv" {
		t.Fatalf("%v", summary)
	}
	text, err := os.ReadFile(file + ".rejected.csv")
	if want := "line,reason,unionid,openid\n3,unionid is empty,,o2\n4,the row has 1 fields and the header 2,,\n"; err != nil || string(text) != want {
		t.Errorf("%q %v", text, err)
	}
	if o := b.run(t, "import", file, "--strict"); o.code != 2 ||
		!strings.Contains(o.err, "users.csv:3: unionid is empty; nothing was imported: no row may be bad; leave out --strict") {
		t.Errorf("%+v", o)
	}
}

func TestSyncStatusShowsTheLastRuns(t *testing.T) {
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 250, Seed: 43})
	if o := b.run(t, "sync", "status"); o.out != "No sync yet: run wxcast sync.\n" {
		t.Errorf("%+v", o)
	}
	b.run(t, "sync")
	b.sim.RemoveFollowers(100)
	if o := b.run(t, "sync"); o.code != 1 {
		t.Errorf("%+v", o)
	}
	runs := b.run(t, "sync", "status", "--json").json(t)["runs"].([]any)
	last, first := runs[0].(map[string]any), runs[1].(map[string]any)
	if first["outcome"] != "done" || number(t, first, "new") != 250 ||
		number(t, first, "api_calls.user/info/batchget") != 3 ||
		!strings.Contains(last["outcome"].(string), "100 of 250 stored followers") {
		t.Errorf("%v", runs)
	}
	if o := b.run(t, "sync", "status"); !strings.Contains(o.out, "STARTED (BEIJING)") ||
		strings.Count(o.out, "\n") != 3 {
		t.Errorf("%s", o.out)
	}
}

// findByRemark looks for one of the exported followers by how their remark begins.
func (b *bench) findByRemark(t *testing.T, rows [][]string) {
	t.Helper()
	at := slices.Index(rows[0], "remark")
	i := slices.IndexFunc(rows[1:], func(row []string) bool { return utf8.RuneCountInString(row[at]) > 1 })
	if i < 0 {
		t.Fatal("nobody has a remark: the test shows nothing")
	}
	one := rows[1+i]
	begins := string([]rune(one[at])[:1])
	found := b.run(t, "followers", "find", begins, "--json").json(t)["followers"].([]any)
	if !slices.ContainsFunc(found, func(f any) bool { return f.(map[string]any)["openid"] == one[0] }) {
		t.Errorf("%s is not found by %q: %v", one[0], begins, found)
	}
	for _, f := range found {
		if remark, _ := f.(map[string]any)["remark"].(string); !strings.HasPrefix(remark, begins) {
			t.Errorf("%q does not begin with %q", remark, begins)
		}
	}
	if o := b.run(t, "templates", "--json"); !strings.Contains(o.out, b.sim.TemplateID) ||
		!strings.Contains(o.out, `"key":"thing1"`) {
		t.Errorf("%s", o.out)
	}
}
