package cli_test

import (
	"os"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestPreviewTestAndExport(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 300, Seed: 51,
			Shares: simulator.Shares{WithUnionID: 0.9, MiniUser: 0.5, Unreachable: 0.1}})
		b.prepare(t)
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{"/cgi-bin/message/template/send": 100} })
		spec := b.write(t, "v.yaml", strings.ReplaceAll(`name: v
template: TPL
data: {thing1: "{{ .openid | truncate 10 }}", time2: "2026-11-30 10:00"}
miniprogram: {pagepath: "pages/x?u={{ .mini_openid }}"}
quota: {keep: 20}
`, "TPL", b.sim.TemplateID))
		p := b.run(t, "broadcast", "preview", spec, "--json").json(t)
		recipients := number(t, p, "recipients")
		if number(t, p, "followers") != 300 || recipients+number(t, p, "not_bridged.without_unionid")+number(t, p,
			"not_bridged.not_in_mini_program") != 300 ||
			number(t, p, "quota.remain") != 80 || number(t, p, "days") != (recipients+79)/80 ||
			len(p["messages"].([]any)) != 3 {
			t.Errorf("%v", p)
		}
		first := p["messages"].([]any)[0].(map[string]any)
		openid := first["openid"].(string)
		if first["data"].(map[string]any)["thing1"] != openid[:9]+"…" ||
			!strings.HasPrefix(first["pagepath"].(string), "pages/x?u=oM") {
			t.Errorf("%v", first)
		}
		if o := b.run(t, "broadcast", "preview", spec); !strings.Contains(o.out, "v: ") ||
			!strings.Contains(o.out, "without unionid") || !strings.Contains(o.out, "To "+openid) {
			t.Errorf("%s", o.out)
		}
		if state := b.sim.State(); state.Messages != 0 {
			t.Errorf("a preview sent %d messages", state.Messages)
		}

		// Another text: the same one to the same person within a minute is 40241.
		text, err := os.ReadFile(spec)
		if err != nil {
			t.Fatal(err)
		}
		trial := b.write(t, "trial.yaml", strings.Replace(string(text), "10:00", "11:00", 1))
		sent := b.run(t, "broadcast", "test", trial, "--to", openid, "--json")
		if messages := b.sim.State().Messages; sent.code == 0 && messages != 1 || sent.code != 0 &&
			!strings.Contains(sent.out, "43004") {
			t.Errorf("%+v, %d messages", sent, messages)
		}
		if o := b.run(t, "broadcast", "test", spec, "--to", "nobody"); o.code != 2 ||
			!strings.Contains(o.err, "nobody: nobody in the database has this openid") {
			t.Errorf("%+v", o)
		}

		b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = nil })
		run := b.run(t, "broadcast", "run", spec, "--rate", "5000", "--json").json(t)
		rows := readCSV(t, b.run(t, "broadcast", "export", "1"))
		states := map[string]int64{}
		for _, row := range rows[1:] {
			states[row[3]]++
			if row[3] == "sent" && (row[7] == "" || row[4] != "1") {
				t.Errorf("%v", row)
			}
		}
		if int64(len(rows)-1) != recipients || states["sent"] != number(t, run, "sent") ||
			states["failed"] != number(t, run, "failed") {
			t.Errorf("%v beside %v", states, run)
		}
		if o := b.run(t, "broadcast", "export", "1", "--format", "jsonl", "--out", b.file("d.jsonl")); o.code != 0 {
			t.Errorf("%+v", o)
		}
		if text, err := os.ReadFile(b.file("d.jsonl")); err != nil ||
			int64(strings.Count(string(text), "\n")) != recipients || strings.Count(string(text), `"msgid":"`) == 0 {
			t.Errorf("%.300s %v", text, err)
		}
	})
}

func TestEveryValueIsCheckedBeforeTheFirstSend(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 40, Seed: 52,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		spec := b.write(t, "v.yaml",
			strings.ReplaceAll("name: v\ntemplate: TPL\ndata: {thing1: \"{{ .remark }}\", time2: \"2026-11-30 10:00\"}\n", "TPL", b.sim.TemplateID))
		o := b.run(t, "broadcast", "run", spec)
		if o.code != 2 || !strings.Contains(o.err, "v.yaml:3: data.thing1: for o") ||
			!strings.Contains(o.err, "is empty") || !strings.Contains(o.err, "and 35 more of 40 recipients") ||
			!strings.Contains(o.err, "--on-bad-value: nothing was sent") {
			t.Errorf("%+v", o)
		}
		if all := b.run(t, "broadcast", "list", "--json").json(t); len(all["broadcasts"].([]any)) != 0 ||
			b.sim.State().Messages != 0 {
			t.Errorf("%v", all)
		}
		skipped := b.run(t, "broadcast", "run", spec, "--on-bad-value", "skip", "--json").json(t)
		if number(t, skipped, "skipped") != 40 || skipped["state"] != "done" {
			t.Errorf("%v", skipped)
		}
	})
}
