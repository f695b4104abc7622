package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Of two accounts that share a mini program one imports its users; the other is told which,
// and may take it over.
func TestASharedMiniProgramIsImportedByItsOwner(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 30, Seed: 64,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		for _, name := range []string{"WXCAST_APPID", "WXCAST_SECRET", "WXCAST_TOKEN", "WXCAST_MINI_APPID",
			"WXCAST_MINI_SECRET"} {
			delete(b.env, name)
		}
		config := "accounts:\n"
		for name, appid := range map[string]string{"one": "wx1111", "two": "wx2222"} {
			config += fmt.Sprintf("  %s: {appid: %s, secret: s, mini_programs: [{appid: %s}]}\n", name, appid,
				b.sim.MiniAppID)
		}
		b.write(t, "wxcast.yaml", config)
		run := func(args ...string) output { return b.run(t, append(args, "--config", b.file("wxcast.yaml"))...) }
		if o := run("import", b.file("mini.csv"), "--account", "one"); o.code != 0 {
			t.Fatalf("%+v", o)
		}
		o := run("import", b.file("mini.csv"), "--replace", "--account", "two")
		if o.code != 2 || !strings.Contains(o.err, "shared with the account one, whose it is") ||
			!strings.Contains(o.err, "--take-over") {
			t.Errorf("an import by the other account: %+v", o)
		}
		for _, name := range []string{"one", "two"} {
			if o := run("join", "--account", name); o.code != 0 {
				t.Errorf("a join of %s: %+v", name, o)
			}
		}
		if o := run("import", b.file("mini.csv"), "--account", "two", "--take-over"); o.code != 0 {
			t.Errorf("taken over: %+v", o)
		}
		if o := run("import", b.file("mini.csv"), "--account", "one"); o.code != 2 {
			t.Errorf("an import by who was the owner: %+v", o)
		}
	})
}
