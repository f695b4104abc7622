package cli_test

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// Both stores are restored in the middle of a broadcast as docs/install.md says. Nothing is sent by
// itself; resume sends to the others, and by WeChat's ten minutes nobody gets it twice.
func TestARestoreSendsNothingByItself(t *testing.T) {
	for name, newStores := range map[string]func(t *testing.T) (first string, restore func(*testing.T, *bench) string){
		"sqlite": sqliteRestore, "postgres": postgresRestore} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, restore := newStores(t)
			b := newBench(t, first, simulator.Options{Followers: 1500, Seed: 6,
				Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
			b.prepare(t)
			sender := b.process("broadcast", "run", b.file("spec.yaml"), "--rate", "300")
			if err := sender.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "some are sent", func() bool { return len(b.sim.Received("template")) > 400 })
			second := restore(t, b)
			waitFor(t, "more are sent", func() bool { return len(b.sim.Received("template")) > 700 })
			_ = sender.Process.Kill() // the store is lost
			_ = sender.Wait()
			before := len(b.sim.Received("template"))
			there := map[string]string{"WXCAST_DATABASE_URL": second}
			for _, args := range [][]string{{"broadcast", "list"}, {"broadcast", "run", b.file("spec.yaml"), "--json"}} {
				if o := b.runWith(t, there, args...); args[1] == "list" && !strings.Contains(o.out, "paused") {
					t.Errorf("%v: %+v", args, o)
				}
				if args[1] == "list" && len(b.sim.Received("template")) != before {
					t.Error("something was sent by itself")
				}
			}
			got := b.sim.Received("template")
			for openid, n := range got {
				if n > 1 {
					t.Errorf("%s got it %d times", openid, n)
				}
			}
			if len(got) != 1500 {
				t.Errorf("%d of 1,500 got it", len(got))
			}
			if o := b.runWith(t, there, "audit", "verify"); o.code != 0 {
				t.Errorf("%+v", o)
			}
		})
	}
}

func sqliteRestore(t *testing.T) (string, func(*testing.T, *bench) string) {
	dir := t.TempDir()
	return "sqlite://" + filepath.Join(dir, "wxcast.db"), func(t *testing.T, b *bench) string {
		if o := b.run(t, "backup", filepath.Join(dir, "copy.db")); o.code != 0 {
			t.Fatalf("%+v", o)
		}
		return "sqlite://" + filepath.Join(dir, "copy.db")
	}
}

func postgresRestore(t *testing.T) (string, func(*testing.T, *bench) string) {
	first, second := storetest.PostgresURL(t), storetest.EmptyPostgresURL(t)
	dump, err := pgserver.Program("pg_dump")
	if errors.Is(err, pgserver.ErrNotHere) {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return first, func(t *testing.T, _ *bench) string {
		file := filepath.Join(t.TempDir(), "wxcast.dump")
		for _, args := range [][]string{{dump, "-Fc", "-f", file, first},
			{filepath.Join(filepath.Dir(dump), "pg_restore"), "--no-owner", "-d", second, file}} {
			if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", args[0], err, out)
			}
		}
		page, err := os.ReadFile("../../docs/install.md")
		if err != nil {
			t.Fatal(err)
		}
		pause := regexp.MustCompile("`(UPDATE broadcasts SET [^`]+)`").FindSubmatch(page)
		if pause == nil {
			t.Fatal("docs/install.md says no more how to pause what was at work")
		}
		db, err := sql.Open("postgres", second)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(string(pause[1])); err != nil {
			t.Fatal(err)
		}
		return second
	}
}
