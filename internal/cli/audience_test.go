package cli_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// specWith is a spec whose name and further keys are given. Its text is its own: WeChat
// takes the same one to the same person for a repeat.
func (b *bench) specWith(t *testing.T, name, keys string) string {
	t.Helper()
	return b.write(t, name+".yaml",
		fmt.Sprintf("name: %s\ntemplate: %s\nrate: 5000\ndata: {thing1: \"%s\", time2: \"2026-11-30 10:00\"}\n%s\n",
			name, b.sim.TemplateID, name, keys))
}

// everyone are the openids of the bridged followers, in openid order.
func (b *bench) everyone(t *testing.T) (openids []string) {
	t.Helper()
	for _, row := range readCSV(t, b.run(t, "followers", "export", "--bridged"))[1:] {
		openids = append(openids, row[0])
	}
	return openids
}

// states are a broadcast's deliveries: openid to state.
func (b *bench) states(t *testing.T, id int64) map[string]string {
	t.Helper()
	states := map[string]string{}
	for _, row := range readCSV(t, b.run(t, "broadcast", "export", fmt.Sprint(id)))[1:] {
		states[row[2]] = row[3]
	}
	return states
}

func TestAListChoosesAndBringsVariables(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 200, Seed: 61,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		all := b.everyone(t)
		b.write(t, "people.csv", "\xef\xbb\xbfopenid,优惠券\n"+all[3]+",八折\n"+all[7]+",九折\n"+all[9]+",七折\nnobody,x\n")
		b.write(t, "staff.csv", "openid\n"+all[9]+"\n")
		spec := b.specWith(t, "list",
			"miniprogram: {pagepath: \"pages/c?c={{ .优惠券 }}\"}\naudience: {in: people.csv, not_in: staff.csv}")
		p := b.run(t, "broadcast", "preview", spec, "--json").json(t)
		if number(t, p, "recipients") != 2 || number(t, p, "list.rows") != 4 || number(t, p, "list.found") != 3 {
			t.Errorf("%v", p)
		}
		b.run(t, "broadcast", "run", spec, "--json").json(t)
		pages := map[string]string{}
		for m := range b.sim.Messages() {
			pages[m.OpenID] = m.PagePath
		}
		if len(pages) != 2 || pages[all[3]] != "pages/c?c=%E5%85%AB%E6%8A%98" ||
			pages[all[7]] != "pages/c?c=%E4%B9%9D%E6%8A%98" {
			t.Errorf("%v", pages)
		}
		// The list is part of the content: with another coupon it is another broadcast.
		b.write(t, "people.csv", "openid,优惠券\n"+all[3]+",五折\n")
		spec = b.write(t, "list.yaml", strings.Replace(readFile(t, spec), "10:00", "11:00", 1))
		if o := b.run(t, "broadcast", "run", spec, "--json").json(t); number(t, o, "id") != 2 ||
			number(t, o, "recipients") != 1 {
			t.Errorf("%v", o)
		}
		// By unionid, and by the mini program's openid, with several ids in the file.
		row := readCSV(t, b.run(t, "followers", "export", "--bridged"))[5]
		b.write(t, "ids.csv", "unionid,mini_openid\n"+row[1]+","+row[2]+"\n")
		for i, by := range []string{"unionid", "mini_openid"} {
			spec := b.specWith(t, "by-"+by, "audience: {in: {file: ids.csv, by: "+by+"}}")
			if o := b.run(t, "broadcast", "run", spec, "--json").json(t); number(t, o, "recipients") != 1 ||
				b.states(t, int64(3+i))[row[0]] == "" {
				t.Errorf("%s: %v %v", by, o, b.states(t, int64(3+i)))
			}
		}
	})
}

func TestAudiencesLeaveOut(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 400, Seed: 62,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 0.5}})
		b.prepare(t)
		bridged := int64(len(b.everyone(t)))
		recipients := func(name, keys string) int64 {
			return number(t, b.run(t, "broadcast", "preview", b.specWith(t, name, keys), "--json", "--messages",
				"0").json(t), "recipients")
		}
		for keys, want := range map[string]int64{
			"": bridged, "audience: {bridged: any}": 400, "audience: {bridged: no}": 400 - bridged,
			"audience: {limit: 7}":              7,
			"audience: {tags: {none: [99999]}}": bridged, "audience: {tags: {any: [99999]}}": 0,
			"audience: {followed_after: 2099-01-01}":  0,
			"audience: {followed_before: 2099-01-01}": bridged, "audience: {scenes: [ADD_SCENE_NONE]}": 0,
		} {
			if got := recipients("out", keys); got != want {
				t.Errorf("%s: %d, want %d", keys, got, want)
			}
		}
		half, again, more := recipients("sampled", "audience: {sample: 50%}"), recipients("sampled",
			"audience: {sample: 0.5}"), recipients("sampled", "audience: {sample: 60%}")
		if half != again || half < bridged/3 || half > bridged*2/3 || more <= half {
			t.Errorf("half %d, again %d, more %d of %d", half, again, more, bridged)
		}
		tagged := int64(0)
		for _, row := range readCSV(t, b.run(t, "followers", "export", "--bridged", "--tag", "2"))[1:] {
			if !strings.Contains(" "+row[6]+" ", " 2 ") {
				t.Errorf("%v", row)
			}
			tagged++
		}
		if got := recipients("tagged", "audience: {tags: {any: [2]}}"); got != tagged {
			t.Errorf("tagged %d, want %d", got, tagged)
		}

		first := b.run(t, "broadcast", "run", b.specWith(t, "first", "audience: {limit: 30}"), "--json").json(t)
		if number(t, first, "sent") != 30 {
			t.Fatalf("%v", first)
		}
		for keys, want := range map[string]int64{
			"audience: {exclude_broadcasts: [first]}": bridged - 30,
			"audience: {exclude_broadcasts: [1]}":     bridged - 30, "audience: {not_messaged: 7d}": bridged - 30,
		} {
			if got := recipients("second", keys); got != want {
				t.Errorf("%s: %d, want %d", keys, got, want)
			}
		}
		if o := b.run(t, "broadcast", "preview",
			b.specWith(t, "third", "audience: {exclude_broadcasts: [nobody-knows]}")); o.code != 2 ||
			!strings.Contains(o.err,
				`third.yaml:5: audience.exclude_broadcasts: the account has no broadcast "nobody-knows"`) {
			t.Errorf("%+v", o)
		}
	})
}

func TestPeopleAreProtectedWhenTheirTurnComes(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 100, Seed: 63,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		all := b.everyone(t)
		first := b.run(t, "broadcast", "run", b.specWith(t, "first", "audience: {limit: 20}"), "--json").json(t)
		if number(t, first, "sent") != 20 {
			t.Fatalf("%v", first)
		}
		// Created before they opt out and before the first one counts for them.
		created := b.run(t, "broadcast", "create",
			b.specWith(t, "second", "frequency_cap: {day: 1}\ndata: {thing1: a, time2: \"11:00\"}"), "--json")
		if created.code != 2 || !strings.Contains(created.err, "data: stands on line 4 already") {
			t.Errorf("%+v", created)
		}
		spec := strings.Replace(readFile(t, b.specWith(t, "second", "frequency_cap: {day: 1}")), "10:00", "11:00", 1)
		if o := b.run(t, "broadcast", "create", b.write(t, "second.yaml", spec),
			"--json").json(t); o["state"] != "draft" || number(t, o, "recipients") != 0 {
			t.Errorf("%v", o)
		}
		b.write(t, "out.csv", "openid\n"+all[50]+"\n")
		if o := b.run(t, "optout", "import", b.file("out.csv"), "--json").json(t); number(t, o, "added") != 1 {
			t.Errorf("%v", o)
		}
		if o := b.run(t, "optout", "add", all[60], all[61], "nobody", "--json").json(t); number(t, o, "added") != 3 ||
			fmt.Sprint(o["unknown"]) != "[nobody]" {
			t.Errorf("%v", o)
		}
		if o := b.run(t, "optout", "remove", all[61], "--json").json(t); number(t, o, "removed") != 1 {
			t.Errorf("%v", o)
		}
		second := b.run(t, "broadcast", "start", "2", "--json").json(t)
		if number(t, second, "sent") != 100-20-2 || number(t, second, "skipped") != 22 {
			t.Errorf("%v", second)
		}
		states := b.states(t, 2)
		if states[all[50]] != "skipped" || states[all[60]] != "skipped" || states[all[61]] != "sent" ||
			states[all[0]] != "skipped" || states[all[20]] != "sent" {
			t.Errorf("%v", states)
		}
		if o := b.run(t, "broadcast", "status", "2"); !strings.Contains(o.out, "frequency cap") ||
			!strings.Contains(o.out, "opted out") {
			t.Errorf("%s", o.out)
		}
		if rows := readCSV(t, b.run(t, "optout", "export")); len(rows) != 4 {
			t.Errorf("%v", rows)
		}

		// Quiet hours all around now, and a not_after that is over.
		now := time.Now().In(time.FixedZone("", 8*3600))
		quiet := now.Add(-time.Hour).Format("15:04") + "-" + now.Add(time.Hour).Format("15:04")
		o := b.run(t, "broadcast", "run", b.specWith(t, "quiet", "quiet_hours: "+quiet))
		if o.code != 3 || !strings.Contains(o.err, "quiet hours ("+quiet+")") {
			t.Errorf("%+v", o)
		}
		b.env["WXCAST_BROADCAST_QUIET_HOURS"] = quiet
		if o := b.run(t, "broadcast", "run", b.specWith(t, "quiet-by-config", "")); o.code != 3 ||
			!strings.Contains(o.err, "quiet hours") {
			t.Errorf("%+v", o)
		}
		delete(b.env, "WXCAST_BROADCAST_QUIET_HOURS")
		if o := b.run(t, "broadcast", "run", b.specWith(t, "late", "not_after: 2026-01-01 10:00")); o.code != 4 ||
			!strings.Contains(o.err, "not_after is over: 2026-01-01 10:00") {
			t.Errorf("%+v", o)
		}
	})
}

func TestACanaryGoesFirstAndIsJudged(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 1000, Seed: 64,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		good := b.run(t, "broadcast", "run", b.specWith(t, "well", "canary: {share: 10%, wait: 1s}"), "--json").json(t)
		if good["state"] != "done" || number(t, good, "sent") != 1000 {
			t.Errorf("%v", good)
		}
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 43101 })
		ill := strings.Replace(readFile(t, b.specWith(t, "ill", "canary: {share: 2%, wait: 100ms, max_failed: 5%}")),
			"10:00", "12:00", 1)
		o := b.run(t, "broadcast", "run", b.write(t, "ill.yaml", ill), "--json")
		if o.code != 4 || !strings.Contains(o.err, "the canary failed") || !strings.Contains(o.err, "(43101: ") {
			t.Fatalf("%+v", o)
		}
		paused := b.run(t, "broadcast", "status", "2", "--json").json(t)
		failed := number(t, paused, "failed")
		if failed == 0 || failed > 49 || number(t, paused, "pending") != 1000-failed {
			t.Errorf("%v", paused)
		}
		// The person says: go on. Then what failed is tried again.
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 0 })
		if o := b.run(t, "broadcast", "resume", "2", "--json").json(t); number(t, o, "sent") != 1000-failed {
			t.Errorf("%v", o)
		}
		retry := b.run(t, "broadcast", "retry", "2", "--only", "43101", "--json").json(t)
		if number(t, retry, "sent") != failed || retry["name"] != "ill-retry-1" {
			t.Errorf("%v", retry)
		}
		if o := b.run(t, "broadcast", "retry", "2"); o.code != 2 || !strings.Contains(o.err, "has nobody to retry") {
			t.Errorf("%+v", o)
		}
	})
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
