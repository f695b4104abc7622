package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// newBroadcastAccount is an account with n bridged followers in a fresh store, its
// messages taken by a bare handler.
func newBroadcastAccount(b *testing.B, engine string, n int) (*account, *platform) {
	b.Helper()
	a := newAccount(b, engine, simulator.Options{Followers: n, Seed: 6, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
		Knobs: simulator.Knobs{DailyLimits: map[string]int64{wechat.UserGetAPI: 1 << 40, wechat.TemplateSendAPI: 1 << 40}}})
	p := &platform{sim: a.sim}
	server := httptest.NewServer(p)
	b.Cleanup(server.Close)
	for i, setting := range a.env {
		if strings.HasPrefix(setting, "WXCAST_API_BASE=") {
			a.env[i] = "WXCAST_API_BASE=" + server.URL
		}
	}
	a.base = server.URL
	a.run(b, "sync")
	users := filepath.Join(a.dir, "mini.csv")
	f, err := os.Create(users)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintln(f, "unionid,openid")
	for u := range a.sim.MiniUsers() {
		fmt.Fprintf(f, "%s,%s\n", u.UnionID, u.OpenID)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	a.run(b, "import", users)
	if joined := a.run(b, "join").out["joined"]; joined != float64(n) {
		b.Fatalf("%v joined, want %d", joined, n)
	}
	return a, p
}

// spec writes a spec file.
func (a *account) spec(b *testing.B, name string, rate int) string {
	b.Helper()
	file := filepath.Join(a.dir, name+".yaml")
	text := fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: \"上新提醒\", time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: \"pages/sale/index?from=oa&u={{ .mini_openid }}\"}\nrate: %d\n", name, a.sim.TemplateID, rate)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

// broadcast runs a new broadcast to everyone, with that many messages in flight.
func (a *account) broadcast(b *testing.B, p *platform, name string, concurrency, n int) usage {
	b.Helper()
	p.reset()
	spec := a.spec(b, name, 100_000)
	env := a.env
	a.env = append(env[:len(env):len(env)], "WXCAST_BROADCAST_CONCURRENCY="+strconv.Itoa(concurrency))
	u := a.run(b, "broadcast", "run", spec, "--yes")
	a.env = env
	if u.out["sent"] != float64(n) || p.taken.Load() != int64(n) {
		b.Errorf("%v sent, %d taken, want %d", u.out["sent"], p.taken.Load(), n)
	}
	return u
}

// rounds of the bare client and of wxcast, of which the medians count.
const rounds = 3

func median(all []usage, of func(usage) float64) float64 {
	values := make([]float64, len(all))
	for i, u := range all {
		values[i] = of(u)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// A broadcast beside a bare client that posts the same bodies to the same server and
// records nothing.
func BenchmarkBroadcast(b *testing.B) {
	for _, engine := range []string{"postgres", "sqlite"} {
		b.Run(engine, func(b *testing.B) {
			n := size(b, 100_000)
			a, p := newBroadcastAccount(b, engine, n)
			fmt.Printf("\nBroadcast to %d recipients on %s\n", n, engine)

			bare, ours := make([]usage, rounds), make([]usage, rounds)
			for i := range rounds { // one after the other, so that both meet the machine's moods
				bare[i] = a.bareClient(b, p, 100, n)
				before := a.postgresCPU(b)
				ours[i] = a.broadcast(b, p, fmt.Sprintf("fast-%d", i), 100, n)
				ours[i].postgres = a.postgresCPU(b) - before
				note("bare client", fmt.Sprintf("%v, %6.0f a second", bare[i], float64(n)/bare[i].wall.Seconds()))
				note("wxcast", fmt.Sprintf("%v, %6.0f a second; Postgres %4.1f s of CPU", ours[i], float64(n)/ours[i].wall.Seconds(), ours[i].postgres.Seconds()))
			}
			least := map[string]float64{"postgres": 0.6, "sqlite": 0.35}[engine]
			seconds := func(u usage) float64 { return u.wall.Seconds() }
			atLeast(b, "wxcast / bare client, medians", median(bare, seconds)/median(ours, seconds), least, "x")
			if engine == "postgres" {
				cpu := func(u usage) float64 { return (u.cpu + u.postgres).Seconds() }
				verdict(b, "CPU of a message, Postgres included / bare client, medians", median(ours, cpu)/median(bare, cpu), 2.5, "x")
			}

			p.latency.Store(int64(50 * time.Millisecond))
			slow := a.broadcast(b, p, "slow", 200, n)
			note("wxcast at 50 ms, 200 in flight", fmt.Sprintf("%v, %6.0f a second", slow, float64(n)/slow.wall.Seconds()))
			atLeast(b, "of what 200 connections can do at 50 ms", float64(n)/slow.wall.Seconds()/(200/0.05), 0.95, "x")
		})
	}
}

// A broadcast to a million: its memory, and how soon the first message leaves.
func BenchmarkMillion(b *testing.B) {
	for _, engine := range []string{"postgres", "sqlite"} {
		b.Run(engine, func(b *testing.B) {
			n := size(b, 1_000_000)
			a, p := newBroadcastAccount(b, engine, n)
			fmt.Printf("\nBroadcast to %d recipients on %s\n", n, engine)
			insert := a.insertDeliveries(b)
			note("INSERT … SELECT of their deliveries, bare", fmt.Sprintf("%6.1f s", insert.Seconds()))
			begun := time.Now()
			ours := a.broadcast(b, p, "million", 100, n)
			note("wxcast", fmt.Sprintf("%v, %6.0f a second", ours, float64(n)/ours.wall.Seconds()))
			verdict(b, "seconds to the first message", time.Unix(0, p.first.Load()).Sub(begun).Seconds(), max(3, insert.Seconds()/10), "s")
			verdict(b, "peak memory", ours.peakMiB, 96, "MiB")
		})
	}
}

// insertDeliveries times one bare statement that makes a row for every recipient,
// and takes it back.
func (a *account) insertDeliveries(b *testing.B) time.Duration {
	b.Helper()
	db := a.open(b)
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	started := time.Now()
	if _, err := tx.Exec("INSERT INTO deliveries (broadcast_id, openid) SELECT 999999, openid FROM bridges"); err != nil {
		b.Fatal(err)
	}
	took := time.Since(started)
	if err := tx.Rollback(); err != nil {
		b.Fatal(err)
	}
	return took
}

// postgresCPU is what all processes of the store's Postgres have used so far.
func (a *account) postgresCPU(b *testing.B) (used time.Duration) {
	b.Helper()
	if strings.HasPrefix(a.url, "sqlite://") {
		return 0
	}
	db := a.open(b)
	defer db.Close()
	var backend int
	if err := db.QueryRow("SELECT pg_backend_pid()").Scan(&backend); err != nil {
		b.Fatal(err)
	}
	postmaster := processStat(strconv.Itoa(backend)).parent
	all, err := os.ReadDir("/proc")
	if err != nil {
		b.Skip("no /proc here")
	}
	for _, process := range all {
		if s := processStat(process.Name()); process.Name() == postmaster {
			used += s.own + s.ended
		} else if s.parent == postmaster {
			used += s.own
		}
	}
	return used
}

// stat is a process's CPU time, and that of its children that have ended.
type stat struct {
	parent     string
	own, ended time.Duration
}

func processStat(pid string) (s stat) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return s
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	ticks := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n) * 10 * time.Millisecond
	}
	return stat{parent: fields[1], own: ticks(11) + ticks(12), ended: ticks(13) + ticks(14)}
}

func (a *account) open(b *testing.B) *sql.DB {
	b.Helper()
	driver, dsn := "postgres", a.url
	if path, ok := strings.CutPrefix(a.url, "sqlite://"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// bareEnv makes the test binary a bare client: URL, messages in flight, messages.
const bareEnv = "WXCAST_BENCH_BARE"

func TestMain(m *testing.M) {
	if task := os.Getenv(bareEnv); task != "" {
		var url string
		var connections, n int
		_, err := fmt.Sscan(task, &url, &connections, &n)
		if err == nil {
			err = Bare(context.Background(), url, connections, n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// bareClient runs the bare client as a process of its own.
func (a *account) bareClient(b *testing.B, p *platform, concurrency, n int) usage {
	b.Helper()
	p.reset()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	url, err := a.sendURL(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", bareEnv, url, concurrency, n))
	started := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil || p.taken.Load() != int64(n) {
		b.Fatalf("%v: %s; %d taken", err, out, p.taken.Load())
	}
	return usage{wall: time.Since(started), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}
