package bench

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// A join of all followers with six tenths as many mini users on Postgres, beside
// the same join written to a bare table; and one with nothing changed, beside
// counting the same join.
func BenchmarkJoin(b *testing.B) {
	n := size(b, 1_000_000)
	minis := n * 6 / 10
	a := newAccount(b, "postgres", simulator.Options{Followers: n, Seed: 5, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 0.6}})
	fmt.Printf("\nJoin of %d followers with %d mini users on Postgres\n", n, minis)
	db, err := sql.Open("postgres", a.url)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	a.register(b)
	a.load(b, n)
	a.loadMiniUsers(b, db, minis)
	if _, err := db.Exec("ANALYZE"); err != nil {
		b.Fatal(err)
	}
	timed := func(statement string) time.Duration {
		started := time.Now()
		if _, err := db.Exec(statement); err != nil {
			b.Fatal(err)
		}
		return time.Since(started)
	}
	const join = " FROM followers f JOIN mini_users m ON m.mini_id = 2 AND m.unionid = f.unionid WHERE f.account_id = 1 AND f.subscribed"
	timed("SELECT COUNT(*)" + join) // warm
	bare := timed("CREATE TABLE bare AS SELECT f.openid, m.mini_openid, f.unionid" + join)
	note("CREATE TABLE AS SELECT … JOIN, bare", bare)
	first := a.run(b, "join")
	note("first join", first)
	if first.out["joined"] != float64(minis) || first.out["new"] != float64(minis) {
		b.Errorf("%v", first.out)
	}
	verdict(b, "first join / bare", first.wall.Seconds()/bare.Seconds(), 3, "x")
	count := timed("SELECT COUNT(*)" + join)
	note("SELECT COUNT(*) of the join, bare", count)
	again := a.run(b, "join")
	note("nothing changed", again)
	if again.out["joined"] != float64(minis) || again.out["new"] != 0.0 {
		b.Errorf("%v", again.out)
	}
	verdict(b, "nothing changed / counting, bare", again.wall.Seconds()/count.Seconds(), 1.5, "x")
}

// register makes the account's apps known to its store: 1 and 2.
func (a *account) register(b *testing.B) {
	b.Helper()
	db, err := store.Open(b.Context(), a.url)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for want, app := range []struct {
		id   string
		kind wxcast.AppKind
	}{{a.sim.AppID, wxcast.KindOfficialAccount}, {a.sim.MiniAppID, wxcast.KindMiniProgram}} {
		got, err := db.EnsureApp(b.Context(), wxcast.AppID(app.id), app.kind)
		if err != nil || got != int64(want+1) {
			b.Fatalf("app %d: %v", got, err)
		}
	}
}

func (a *account) loadMiniUsers(b *testing.B, db *sql.DB, n int) {
	b.Helper()
	now := time.Now().UTC()
	if err := bulk(b.Context(), db, "COPY mini_users (mini_id, mini_openid, unionid, created_at, updated_at) FROM STDIN", true, n, func(i int) []any {
		_, unionid := a.sim.FollowerIDs(i)
		return []any{2, "m" + unionid, unionid, now, now}
	}); err != nil {
		b.Fatal(err)
	}
}

// An import of a large CSV file in one pass.
func BenchmarkImport(b *testing.B) {
	n := size(b, 1_000_000)
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			a := newAccount(b, engine, simulator.Options{Followers: 1})
			file := filepath.Join(a.dir, "users.csv")
			f, err := os.Create(file)
			if err != nil {
				b.Fatal(err)
			}
			out := bufio.NewWriter(f)
			fmt.Fprintln(out, "id,name,unionid,openid")
			for i := range n {
				openid, unionid := a.sim.FollowerIDs(i)
				fmt.Fprintf(out, "%d,张三,%s,%s\n", i, unionid, openid)
			}
			if err := out.Flush(); err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
			fmt.Printf("\nImport of %d mini users on %s\n", n, engine)
			first := a.run(b, "import", file)
			note("first import", first)
			again := a.run(b, "import", file)
			note("the same file again", again)
			if first.out["inserted"] != float64(n) || again.out["inserted"] != 0.0 || again.out["rows"] != float64(n) {
				b.Errorf("%v %v", first.out, again.out)
			}
			verdict(b, "peak memory", max(first.peakMiB, again.peakMiB), 96, "MiB")
		})
	}
}
