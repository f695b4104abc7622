package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Each mistake in a spec, or in the CSV that it names, is told with its file, its line,
// its key and what would be right, before anything is written.
func TestBadSpecsAndListsAreToldBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 50, Seed: 2,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	openid, _ := b.sim.FollowerIDs(1)
	spec := func(last string) string {
		return fmt.Sprintf("name: bad\ntemplate: %s\ndata:\n  thing1: 上新提醒\n  time2: \"2026-11-30 10:00\"\n%s\n",
			b.sim.TemplateID, last)
	}
	for _, test := range []struct{ last, csv, want string }{
		// The audience.
		{"audience: everyone", "", "spec.yaml:6: audience: is not a map of keys and values; write key: value"},
		{"audience: {in: l.csv}", "openid,order\noA,1\noB,2.02611E+17\n",
			`l.csv:3: order: "2.02611E+17" is no value: a spreadsheet has made it of one`},
		{"audience: {in: l.csv}", "openid,code\noA,#N/A\n", `l.csv:2: code: "#N/A" is no value`},
		{"audience: {in: l.csv}", "openid,code\noA,#REF!\n", `l.csv:2: code: "#REF!" is no value`},
		{"audience: {in: l.csv}", "openid,code\noA,a\uFFFDb\n", "l.csv:2: code:"},
		{"audience: {in: {file: l.csv, damaged: yes}}", "openid\noA\n", `"yes" is no way to treat damaged values`},
		{"audience: {in: l.csv}", "openid\noA#B\n", `l.csv:2: openid: "oA#B" is no openid`},
		{"audience: {tag: [1]}", "", "spec.yaml:6: audience.tag: is not a key of a spec; did you mean tags?"},
		{"audience:\n  tags: [1]", "", "spec.yaml:7: audience.tags: is not a map of keys and values"},
		{"audience:\n  tags: {any: [vip]}", "",
			`spec.yaml:7: audience.tags.any: "vip" is not a whole number of a tag's id from 0`},
		{"audience: {bridged: maybe}", "",
			`spec.yaml:6: audience.bridged: "maybe" says not who; write yes (the default), no or any`},
		{"audience: {followed_after: yesterday}", "",
			`spec.yaml:6: audience.followed_after: "yesterday" is no Beijing time such as 2026-11-30 10:00`},
		{"audience:\n  followed_after: 2026-02-01\n  followed_before: 2026-01-01", "",
			"spec.yaml:8: audience.followed_before: is not after followed_after, so it leaves nobody; turn them round"},
		{"audience: {not_messaged: 7}", "",
			`spec.yaml:6: audience.not_messaged: "7" is no length of time from 1m to 365d; write for example not_messaged: 7d`},
		{"audience: {sample: 150%}", "",
			`spec.yaml:6: audience.sample: "150%" is no share above 0 and up to 100%; write for example 1% or 0.01`},
		{"audience: {limit: 0}", "", `spec.yaml:6: audience.limit: "0" is not a whole number of recipients from 1`},
		{"audience: {exclude_broadcasts: [nope]}", "",
			`spec.yaml:6: audience.exclude_broadcasts: the account has no broadcast "nope"; name one of the account's broadcasts; wxcast broadcast list shows them`},
		{"audience: {in: nowhere.csv}", "",
			"spec.yaml:6: audience.in: nowhere.csv cannot be read: no such file or directory; name a CSV file that exists, beside the spec"},
		{"audience: {in: {by: openid}}", "", "spec.yaml:6: audience.in: names no file; write for example people.csv"},
		{"audience: {in: {file: l.csv, by: phone}}", "openid\no\n",
			`spec.yaml:6: audience.in.by: "phone" is no id of a person; write openid, unionid or mini_openid`},
		// How to send.
		{"canary: {wait: 10m}", "", "spec.yaml:6: canary: has no share; write for example canary: {share: 1%}"},
		{"canary: {share: 1%, wait: soon}", "",
			`spec.yaml:6: canary.wait: "soon" is no length of time from 0s to 7d; write for example wait: 10m`},
		{"canary: {share: 1%, max_failed: 0}", "", `spec.yaml:6: canary.max_failed: "0" is no share above 0`},
		{"not_after: 25:00", "", `spec.yaml:6: not_after: "25:00" is no Beijing time`},
		{"quiet_hours: at night", "",
			`spec.yaml:6: quiet_hours: "at night" are no hours of a day; write for example 22:00-08:00`},
		{"frequency_cap: {day: 0}", "", `spec.yaml:6: frequency_cap.day: "0" is not a whole number of messages from 1`},
		{"frequency_cap: {month: 3}", "", "spec.yaml:6: frequency_cap.month: is not a key of a spec"},
		{"priority: high", "",
			`spec.yaml:6: priority: "high" is not a whole number of a priority from -100 to 100; write for example priority: 10`},
		{"on_unknown: retry", "",
			`spec.yaml:6: on_unknown: "retry" is no way to treat a lost outcome; write skip or resend`},
		{"account: other", "", `spec.yaml:6: account: "other" is not configured; known are default`},
		{"miniprogram: {appid: wxother}", "",
			`spec.yaml:6: miniprogram.appid: "wxother" is not configured for account default; known are wx`},
		// The recipients' CSV.
		{"audience: {in: l.csv}", "", "l.csv: is empty; its first line must name the columns, such as openid,coupon"},
		{"audience: {in: l.csv}", "name,coupon\na,b\n",
			"l.csv:1: no column holds ids; it has name, coupon; name the column openid, unionid or mini_openid"},
		{"audience: {in: l.csv}", "openid,unionid\na,b\n",
			"l.csv:1: several columns hold ids: [openid unionid]; say which one counts, in the spec: {file: l.csv, by: openid}"},
		{"audience: {in: {file: l.csv, by: unionid}}", "openid\no\n",
			"l.csv:1: unionid: there is no such column; it has openid; change by: in the spec"},
		{"audience: {in: l.csv}", "openid,coupon,coupon\na,b,c\n",
			"l.csv:1: coupon: there are two such columns; rename one"},
		{"audience: {in: l.csv}", "openid,优惠 券\na,b\n",
			"l.csv:1: 优惠 券: is no name of a variable; name columns with letters, digits and _"},
		{"audience: {in: l.csv}", "openid,remark\na,b\n",
			"l.csv:1: remark: is a variable of wxcast's own; rename the column"},
		{"audience: {in: l.csv}", "openid,coupon\n",
			"l.csv:1: has a header and no rows; write one row for each person"},
		{"audience: {in: l.csv}", "openid,coupon\no1,a\no2\n",
			"l.csv:3: openid: the row has 1 fields and the header 2; a row has the 2 fields of the header"},
		{"audience: {in: l.csv}", "openid,coupon\n,a\n", "l.csv:2: openid: is empty; write an id in every row"},
		{"audience: {in: l.csv}", "openid,coupon\n张三,a\n",
			`l.csv:2: openid: "张三" is no openid; ids are letters, digits, - and _`},
		{"audience: {in: l.csv}", "openid,coupon\no1,a\no2,b\no1,c\n",
			`l.csv:4: openid: "o1" stands on line 2 already; one row for each person`},
		{"audience: {in: l.csv}", "openid,coupon\no1,\"a\n",
			`l.csv:2: openid: a " stands inside a field without quotes, or is not closed`},
		{"audience: {in: l.csv}", "PK\x03\x04rest",
			"l.csv: is an Excel workbook or a zip archive; save it as CSV UTF-8 in Excel, or unpack it"},
		{"audience: {in: l.csv}", "\x1f\x8b\x08rest", "l.csv: is a broken gzip file"},
		// What only the two together show.
		{"audience: {in: l.csv}\nminiprogram: {pagepath: \"p?c={{ .cupon }}\"}", "openid,coupon\no1,a\n",
			`spec.yaml:7: miniprogram.pagepath: "p?c={{ .cupon }}" cannot be filled in: there is no variable .cupon; variables are .openid`},
	} {
		t.Run(test.want, func(t *testing.T) {
			b.write(t, "l.csv", test.csv)
			o := b.run(t, "broadcast", "run", b.write(t, "spec.yaml", spec(test.last)), "--yes")
			said := strings.ReplaceAll(o.err, b.dir+"/", "")
			if o.code != 2 || !strings.Contains(said, test.want) || o.out != "" {
				t.Errorf("exit code %d\ngot  %s%s\nwant %s", o.code, o.out, said, test.want)
			}
		})
	}
	// A recipient's value that its key cannot hold is told with the person.
	b.write(t, "l.csv", "openid,coupon\n"+openid+",一二三四五六七八九十一二三四五六七八九十一\n")
	o := b.run(t, "broadcast", "run", b.write(t, "spec.yaml",
		strings.Replace(spec("audience: {in: l.csv}"), "上新提醒", `"{{ .coupon }}"`, 1)), "--yes")
	if o.code != 2 || !strings.Contains(o.err, openid) ||
		!strings.Contains(o.err, "has 21 characters; thing takes at most 20") {
		t.Errorf("%d %s", o.code, o.err)
	}
	if list := b.run(t, "broadcast", "list", "--json"); !strings.Contains(list.out, `"broadcasts":[]`) ||
		b.sim.State().Messages != 0 {
		t.Errorf("something was begun: %s", list.out)
	}
}
