package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// work is a wxcast process at work on a broadcast.
type work struct {
	*exec.Cmd
	out, err bytes.Buffer
}

// start starts a process, and returns when there were so many more calls to send.
func (b *bench) start(t *testing.T, calls int64, args ...string) *work {
	t.Helper()
	calls += b.sim.CallsTo(wechat.TemplateSendAPI)
	w := &work{Cmd: b.process(args...)}
	w.Stdout, w.Stderr = &w.out, &w.err
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); b.sim.CallsTo(wechat.TemplateSendAPI) < calls; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = w.Process.Kill()
			_ = w.Wait()
			t.Fatalf("it does not send: %s", &w.err)
		}
	}
	return w
}

// sentAtLeast waits until the simulator has taken so many messages.
func (b *bench) sentAtLeast(t *testing.T, messages int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); b.sim.State().Messages < messages; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d messages were sent within 20 seconds, want %d", b.sim.State().Messages, messages)
		}
	}
}

// ends waits for the process, and wants an exit code and a text on standard error.
func (w *work) ends(t *testing.T, code int, says string) {
	t.Helper()
	_ = w.Wait()
	if got := w.ProcessState.ExitCode(); got != code || !strings.Contains(w.err.String(), says) {
		t.Errorf("exit code %d, want %d and %q:\n%s%s", got, code, says, &w.out, &w.err)
	}
}

// newPacedBench is a bench whose followers are all recipients, at 500 a second.
func newPacedBench(t *testing.T, url string, followers int) (b *bench, spec string) {
	t.Helper()
	b = newBench(t, url, simulator.Options{Followers: followers, Seed: 37,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1},
		Knobs:  simulator.Knobs{Latency: simulator.Duration(5 * time.Millisecond)}})
	return b, b.write(t, "paced.yaml",
		fmt.Sprintf("name: paced\ntemplate: %s\ndata: {thing1: 上新提醒, time2: \"2026-11-30 10:00\"}\nminiprogram: {pagepath: pages/paced}\nrate: 500\n", b.sim.TemplateID))
}

func TestARestartedPostgresLosesNothing(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Fast)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("no private Postgres: %v", err)
	}
	t.Cleanup(server.Stop)
	b, spec := newPacedBench(t, server.URL, 3000)
	b.prepare(t)
	first := b.start(t, 300, "broadcast", "run", spec, "--json")
	second := b.start(t, 0, "broadcast", "run", spec, "--json")
	storetest.WaitForWorkers(t, server.URL, 2)
	for range 2 {
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	first.ends(t, 0, "")
	second.ends(t, 0, "")
	b.everyoneHasOne(t, "paced", 3000)
}

// network is a connection to the simulator that can be cut.
type network struct {
	address, to string
	mu          sync.Mutex
	listener    net.Listener
	conns       []net.Conn
}

func newNetwork(t *testing.T, to string) *network {
	t.Helper()
	n := &network{address: "127.0.0.1:0", to: to}
	n.mend(t)
	t.Cleanup(n.cut)
	return n
}

func (n *network) mend(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", n.address)
	if err != nil {
		t.Fatal(err)
	}
	n.listener, n.address = l, l.Addr().String()
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", n.to)
			if err != nil {
				_ = here.Close()
				continue
			}
			n.mu.Lock()
			n.conns = append(n.conns, here, there)
			n.mu.Unlock()
			go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
			go func() { _, _ = io.Copy(here, there); _ = here.Close() }()
		}
	}()
}

func (n *network) cut() {
	_ = n.listener.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

func TestANetworkThatIsAwayForHalfAMinute(t *testing.T) {
	long(t)
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b, spec := newPacedBench(t, url, 2000)
		n := newNetwork(t, strings.TrimPrefix(b.env["WXCAST_API_BASE"], "http://"))
		b.prepare(t)
		b.env["WXCAST_API_BASE"] = "http://" + n.address
		w := b.start(t, 500, "broadcast", "run", spec, "--json")
		n.cut()
		// Held up a little, it misses the time that it had taken for its messages, and
		// those to be tried again come between.
		time.Sleep(3 * time.Second)
		_ = w.Process.Signal(syscall.SIGSTOP)
		time.Sleep(2500 * time.Millisecond)
		_ = w.Process.Signal(syscall.SIGCONT)
		time.Sleep(5 * time.Second)
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		if status["state"] != "running" || number(t, status, "failed") != 0 {
			t.Errorf("while the network is away: %v", status)
		}
		time.Sleep(20 * time.Second)
		n.mend(t)
		w.ends(t, 0, "")
		b.everyoneHasOne(t, "paced", 2000)
	})
}

func TestATokenThatIsRefusedForEverPausesAndNothingIsLost(t *testing.T) {
	long(t)
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b, spec := newPacedBench(t, url, 2000)
		b.prepare(t)
		w := b.start(t, 300, "broadcast", "run", spec, "--json")
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 40001 })
		w.ends(t, 4, "access token")
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		if status["state"] != "paused" || number(t, status, "failed") != 0 ||
			number(t, status, "sent") != int64(b.sim.State().Messages) {
			t.Errorf("%v beside %+v", status, b.sim.State())
		}
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 0 })
		if o := b.run(t, "broadcast", "resume", "1"); o.code != 0 {
			t.Errorf("%+v", o)
		}
		b.everyoneHasOne(t, "paced", 2000)
	})
}

// A disk fills up under a broadcast; or, which needs nobody's leave to try, the files may
// not grow.
func TestAFullDiskIsToldAndNothingIsLost(t *testing.T) {
	long(t)
	t.Parallel()
	t.Run("a limit on files", func(t *testing.T) {
		b, spec := newPacedBench(t, storetest.SQLiteURL(t), 3000)
		b.prepare(t)
		b.env[fileMax] = strconv.Itoa(2 << 20)
		w := b.start(t, 100, "broadcast", "run", spec, "--json")
		delete(b.env, fileMax)
		b.diskFull(t, w, spec)
	})
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Logf("only the limit on files was tried: a small disk cannot be mounted here: %v", err)
		return
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	t.Run("a disk", func(t *testing.T) {
		b, spec := newPacedBench(t, "sqlite://"+filepath.Join(disk, "wxcast.db"), 3000)
		b.prepare(t)
		w := b.start(t, 300, "broadcast", "run", spec, "--json")
		ballast := filepath.Join(disk, "ballast")
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		_ = f.Close()
		_ = w.Wait()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		b.diskFull(t, w, spec)
	})
}

// diskFull wants a process to have said that the disk is full, and the next to end the
// broadcast.
func (b *bench) diskFull(t *testing.T, w *work, spec string) {
	t.Helper()
	w.ends(t, 1, "the disk of the database is full")
	if !strings.Contains(w.err.String(), "make room, then run the same command again") {
		t.Errorf("no advice: %s", &w.err)
	}
	if status := b.run(t, "broadcast", "status", "1", "--json").json(t); status["state"] != "running" ||
		number(t, status, "sent") > int64(b.sim.State().Messages) {
		t.Errorf("%v beside %+v", status, b.sim.State())
	}
	b.start(t, 1, "broadcast", "run", spec).ends(t, 0, "")
	b.everyoneHasOne(t, "paced", 3000)
}

// A process that is stopped for longer than its lease, as a laptop that sleeps, sends
// nothing of what others have taken over.
func TestAStoppedProcessSendsNothingAfterItsLease(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b, spec := newPacedBench(t, url, 12_000)
		b.env["WXCAST_SYNC_RATE"] = "2000"
		b.prepare(t)
		stopped := b.start(t, 300, "broadcast", "run", spec, "--json", "--rate", "600")
		other := b.start(t, 0, "broadcast", "run", spec, "--json", "--rate", "600")
		storetest.WaitForWorkers(t, url, 2)
		if err := stopped.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		// Longer than its leases, and than Postgres lets it hold the others up, where it was
		// stopped inside a transaction.
		time.Sleep(15 * time.Second)
		// The other one repeats what the stopped one had in flight or had not recorded; only when
		// that has ended are repeats the stopped one's own.
		before := -1
		for now := b.sim.State().Deduplicated; now != before; now = b.sim.State().Deduplicated {
			before = now
			time.Sleep(time.Second)
		}
		if err := stopped.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		stopped.ends(t, 0, "")
		other.ends(t, 0, "")
		b.everyoneHasOne(t, "paced", 12_000)
		// Of what it has in hand it sends nothing: that is half a second's and more. What was on
		// its way to the network when it stopped may still arrive. It may have been stopped while
		// it held SQLite's lock: then the other could not record, and repeats what it had sent.
		most := 100 // calls in flight
		if strings.HasPrefix(url, "sqlite") {
			most = 1500
		}
		if repeated := b.sim.State().Deduplicated - before; repeated > most {
			t.Errorf("%d messages were repeated after it went on, want at most %d: it sends what is no longer its own",
				repeated, most)
		}
	})
}
