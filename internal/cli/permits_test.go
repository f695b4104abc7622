package cli_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A ledger goes in, is shown, and comes out as it was.
func TestPermitsAreImportedShownAndExported(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 3, Seed: 81})
		var ledger strings.Builder
		ledger.WriteString("mini_openid,template_id,count,note\n")
		for i := range 3000 {
			fmt.Fprintf(&ledger, "m%05d,T%d,%d,x\n", i, i%2, 1+i%3)
		}
		b.write(t, "ledger.csv", ledger.String()+"'m1',T1,1,x\nm9,T 1,1,x\nm9,T1,-1,x\n")
		o := b.run(t, "permits", "import", b.file("ledger.csv"), "--json").json(t)
		for key, want := range map[string]int64{"rows": 3003, "inserted": 3000, "updated": 0, "rejected": 3} {
			if got := number(t, o, key); got != want {
				t.Errorf("%s: %d, want %d", key, got, want)
			}
		}
		if o := b.run(t, "permits", "import", b.file("ledger.csv")); !strings.Contains(o.out, "line 3002:") ||
			!strings.Contains(o.out, "0 new, 0 changed, 3 rejected") {
			t.Errorf("again: %+v", o)
		}
		templates := b.run(t, "permits", "status", "--json").json(t)["templates"].([]any)
		if first := templates[0].(map[string]any); len(templates) != 2 || first["template_id"] != "T0" ||
			first["people"] != 1500.0 || first["permits"] != 3000.0 {
			t.Errorf("%v", templates)
		}
		if o := b.run(t, "permits", "show", "m00002"); o.code != 0 || !strings.Contains(o.out, "one-time") {
			t.Errorf("%+v", o)
		}
		if o := b.run(t, "permits", "show", "nobody"); o.code != 2 {
			t.Errorf("%+v", o)
		}
		if o := b.run(t, "permits", "export", "--out", b.file("out.csv")); o.code != 0 ||
			!strings.Contains(o.out, "Wrote 3,000 permits to") {
			t.Fatalf("%+v", o)
		}
		raw, err := os.ReadFile(b.file("out.csv"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(string(raw))).ReadAll()
		if err != nil || len(rows) != 3001 || fmt.Sprint(rows[0]) != "[mini_openid template_id count]" ||
			fmt.Sprint(rows[1]) != "[m00000 T0 1]" {
			t.Errorf("%d rows, the first %v (%v)", len(rows), rows[:2], err)
		}
		for text, want := range map[string]string{
			"":                                      "empty",
			"mini_openid,count\nm1,2\n":             "template_id",
			"mini_openid,template_id,count\n":       "no rows",
			"mini_openid,template_id,count\n,T,2\n": "no mini_openid",
		} {
			o := b.run(t, "permits", "import", b.write(t, "bad.csv", text))
			if o.code != 2 || !strings.Contains(o.err, want) {
				t.Errorf("%q: %+v, want %q", text, o, want)
			}
		}
	})
}
