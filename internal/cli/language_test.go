package cli_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// withoutTexts is a JSON value of which texts have become their type.
func withoutTexts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = withoutTexts(v[key])
		}
	case []any:
		for i := range v {
			v[i] = withoutTexts(v[i])
		}
	case string:
		return "a text"
	}
	return v
}

// What programs read is the same in both languages, but for texts.
func TestJSONIsTheSameInBothLanguages(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 200, Seed: 91,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	openid, _ := b.sim.FollowerIDs(3)
	b.run(t, "broadcast", "run", b.file("spec.yaml"), "--yes")
	b.run(t, "permits", "import", b.write(t, "p.csv", "mini_openid,template_id,count\nm1,T1,2\n"))
	b.newKey(t, "ci", "read")
	for _, args := range [][]string{
		{"sync", "status"}, {"broadcast", "list"}, {"broadcast", "status", "1"},
		{"broadcast", "preview", b.file("spec.yaml")},
		{"followers", "show", openid}, {"audit", "verify"}, {"jobs"}, {"key", "list"}, {"permits", "status"},
		{"permits", "show", "m1"}, {"explain", "40164"}, {"version"}, {"migrate"}, {"doctor"}, {"join"},
	} {
		said := map[string]any{}
		for _, lang := range []string{"zh", "en"} {
			o := b.run(t, append(args, "--json", "--lang", lang)...)
			var v any
			if err := json.Unmarshal([]byte(o.out), &v); err != nil {
				t.Errorf("%v in %s: %v\n%s%s", args, lang, err, o.out, o.err)
				continue
			}
			if object, ok := v.(map[string]any); ok {
				delete(object, "seconds") // of its own work
			}
			said[lang] = withoutTexts(v)
		}
		if !reflect.DeepEqual(said["zh"], said["en"]) {
			t.Errorf("%v\nin Chinese %v\nin English %v", args, said["zh"], said["en"])
		}
	}
}
