package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/golden"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/sql/storetest"
)

// withoutKeys are commands whose JSON is tested elsewhere, or which write none: they go on, ask, or
// are measured.
var withoutKeys = regexp.MustCompile("^(bench|completion .*|demo|health|help|init|optout export|serve|sim|backup|" +
	"tester code|webhook (resume|test)|broadcast (resume|release))$")

// What commands write as JSON is an interface: keys and kinds stay. Each release keeps this list.
func TestGoldenKeysOfJSON(t *testing.T) {
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 60, Seed: 7,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.env["WXCAST_API_TOKEN"] = ""
	one, _ := b.sim.FollowerIDs(1)
	two, _ := b.sim.FollowerIDs(2)
	mini := b.sim.MiniOpenIDOf(2)
	for name, says := range map[string]string{"slow": "慢", "order": "单", "quick": "快"} {
		b.write(t, name+".yaml", fmt.Sprintf(
			"name: %s\ntemplate: %s\ndata: {thing1: %s, time2: \"2026-11-30 10:00\"}\n", name, b.sim.TemplateID, says))
	}
	b.write(t, "outs.csv", "openid\n"+one+"\n")
	b.write(t, "goals.csv", "id,goal,amount\n"+one+",order,12.50\n")
	b.write(t, "visits.csv", "mini_openid,wxv\n"+mini+",nonsense\n")
	b.write(t, "permits.csv", "mini_openid,template_id,count\n"+mini+","+b.sim.TemplateID+",2\n")
	all, done := map[string]bool{}, map[string]bool{}
	for _, line := range []string{
		"version", "migrate", "explain 43004", "sync", "sync status", "import mini.csv", "join", "templates", "jobs",
		"doctor", "broadcast preview spec.yaml", "broadcast run spec.yaml", "broadcast test order.yaml --to " + one,
		"broadcast create slow.yaml", "broadcast schedule 2 --at 2030-01-01T00:00:00Z", "broadcast rate 2 2",
		"broadcast pause 2", "broadcast cancel 2", "broadcast create quick.yaml", "broadcast start 3",
		"broadcast retry 1",
		"broadcast list", "broadcast status 1", "broadcast export 1 --format jsonl", "report", "audit", "audit verify",
		"followers show " + one, "followers find nobody", "followers export --format jsonl",
		"optout add " + one, "optout remove " + one, "optout import outs.csv", "followers forget " + one,
		"permits import permits.csv", "permits status", "permits show " + mini, "permits export --format jsonl",
		"preset put order.yaml", "preset list", "preset show order", "send order --to " + mini, "message show 1",
		"message cancel 1", "preset remove order", "goals import goals.csv", "visits import visits.csv",
		"key create k --scope send", "key list", "key revoke k", "user create u --role viewer",
		"user grant u --role admin",
		"user list", "user reset u", "user disable u", "tester add " + two, "tester list", "tester remove " + two,
		"webhook list", "events",
	} {
		args := strings.Fields(strings.NewReplacer("mini.csv", b.file("mini.csv")).Replace(line))
		for i, arg := range args {
			if strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".csv") && !strings.Contains(arg, "/") {
				args[i] = b.file(arg)
			}
		}
		switch line {
		case "broadcast run spec.yaml":
			b.sim.Leave(two)
		case "broadcast retry 1":
			b.sim.Return(two)
			if o := b.run(t, "sync", "--full"); o.code != 0 {
				t.Fatalf("%+v", o)
			}
		}
		c, _, err := cli.Commands(text.English).Find(args)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(c.CommandPath(), "wxcast ")
		done[name] = true
		o := b.run(t, append(args, "--json")...)
		if o.out == "" {
			t.Errorf("%s: %d %s", line, o.code, o.err)
		}
		for dec := json.NewDecoder(strings.NewReader(o.out)); ; {
			var v any
			if err := dec.Decode(&v); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v: %s", line, err, o.out)
				break
			}
			keysOf(v, name+" ", all)
		}
	}
	for _, name := range runnable(cli.Commands(text.English)) {
		if !done[name] && !withoutKeys.MatchString(name) {
			t.Errorf("wxcast %s: its JSON is not looked at", name)
		}
	}
	golden.Check(t, "testdata/json_keys.golden", strings.Join(slices.Sorted(maps.Keys(all)), "\n")+"\n",
		"a key of a command's JSON is gone, is another kind, or is new")
}

// fixedKey is a key that we chose; others, such as errcodes, are data.
var fixedKey = regexp.MustCompile(`^[a-z][a-z_0-9]*$`)

// keysOf writes down each key with its kind.
func keysOf(v any, at string, all map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, below := range v {
			if !fixedKey.MatchString(key) {
				key = "*"
			}
			all[fmt.Sprintf("%s.%s %s", at, key, kindOf(below))] = true
			keysOf(below, at+"."+key, all)
		}
	case []any:
		for _, below := range v {
			keysOf(below, at+"[]", all)
		}
	}
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	default:
		return "object"
	}
}

// runnable are the names of the commands that do something.
func runnable(c *cobra.Command) (names []string) {
	if c.Runnable() && !c.Hidden && c.HasParent() {
		names = append(names, strings.TrimPrefix(c.CommandPath(), "wxcast "))
	}
	for _, sub := range c.Commands() {
		names = append(names, runnable(sub)...)
	}
	return names
}
