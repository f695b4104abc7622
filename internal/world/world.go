// Package world is an account in a world of its own: processes of wxcast serve on one real
// store, of SQLite or Postgres, the simulator as WeChat, and between them a network and a clock
// that are made up. Inside a bubble of testing/synctest a week passes in seconds, and any step of
// any process may be its last. What happens follows from a seed.
//
//	make simulate SEED=7 DAYS=7
package world

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// processes are how many of wxcast serve share the work.
	processes = 2
	// A world begins at 08:00 in Beijing, work at 10:00, the night's sync at 03:00.
	beforeWork  = 2 * time.Hour
	workToNight = 17 * time.Hour
	// workEnds is how long a day's work may take.
	workEnds = 40 * time.Minute
	// moreDays are how many days what was begun may take until it is over.
	moreDays = 14

	// inFlight are the calls that a process has under way at most, and leaseAtLeast how long it has
	// what it claimed: one that stands still for longer sends those calls, which are the others' now.
	inFlight     = 8
	leaseAtLeast = 8 * time.Second

	accountsRate = 50 // messages a second, where nothing else is said

	wechatHost = "api.weixin.sim"
	wxcastHost = "wxcast.sim"
)

// world is where a plan happens.
type world struct {
	plan    Plan
	dir     string
	config  *config.Config
	network *network
	sim     *simulator.Server
	healthy simulator.Knobs
	log     slog.Handler
	// operator asks for what people and systems ask for. No fault reaches it.
	operator *account.Account
	began    time.Time
	idle     idle
	phones   *http.Client // of people in the mini program

	engine                engine
	steps, frozen         atomic.Int64 // of all processes; and how often one stood still for long
	storeAway, wechatAway atomic.Bool

	mu       sync.Mutex
	running  [processes]*process
	atWork   bool           // a process that is gone is begun again
	next     int            // which process gets the next callback
	restarts sync.WaitGroup // and visits
	broken   []string
	seen     map[string]int
	wishes   []wish
	came     map[aPersonsVisit]*told
	ended    int64     // deliveries that had their end when it was last looked
	moved    time.Time // when that last changed
}

// home is a world's store, in which there is nothing but our schema.
type home struct {
	url    string
	engine func(*world) engine // its turns are waited for in the world
}

// wish is something that the company asked for.
type wish struct {
	page      string // the page that its messages lead to
	broadcast int64  // its number; of a single message that of the message's day
	message   int64  // 0 for a broadcast
	holdout   bool   // half of its people get nothing
}

const configuration = `
accounts:
  shop:
    appid: %[1]s
    secret: %[2]s
    token: %[3]s
    encoding_aes_key: %[4]s
    mini_programs:
      - {appid: %[5]s, secret: %[6]s, token: %[9]s, encoding_aes_key: %[10]s}
serve: {listen: "127.0.0.1:80", session_key: a-key-of-thirty-two-characters-0, sync_at: "0 3 * * *", report_at: "off",
  quota_at: "0 9 * * *", housekeeping_at: "%[13]s"}
broadcast: {concurrency: %[11]d, max_failures: 200, rate: %[12]d}
database: {url: %[7]q, auto_migrate: false}
api_base: %[8]s
`

// newWorld makes a world in a folder, on an empty store.
func newWorld(ctx context.Context, p Plan, dir string, empty home) (*world, error) {
	w := &world{plan: p, dir: dir, network: newNetwork(), seen: map[string]int{},
		began: time.Now(), came: map[aPersonsVisit]*told{}}
	w.engine = empty.engine(w)
	w.phones = &http.Client{Transport: &http.Transport{DialContext: w.toUs, DisableKeepAlives: true}}
	w.healthy = simulator.Knobs{Latency: simulator.Duration(20 * time.Millisecond),
		PageSize:        15, // so that a sync is killed between two pages
		ReceiptDelay:    simulator.Duration(2 * time.Second),
		DuplicateFilter: -1, // WeChat's filter of equal texts would hide what we send twice
		DailyLimits:     map[string]int64{"/cgi-bin/message/template/send": p.Quota},
		CallbackURL:     "http://" + wxcastHost + "/wechat/shop", CallbackMode: "safe"}
	w.sim = simulator.New(simulator.Options{Followers: p.Followers, Seed: p.Seed, Dial: w.toUs,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 0.8, Unreachable: 0.02}, Knobs: w.healthy})
	w.healthy.MiniCallbackURL = "http://" + wxcastHost + "/wechat/shop/" + w.sim.MiniAppID
	w.sim.SetKnobs(func(k *simulator.Knobs) { k.MiniCallbackURL = w.healthy.MiniCallbackURL })
	w.healthy = w.sim.Knobs()
	w.log = newLogbook(w)
	housekeeping := "off" // nobody is there at that hour
	if p.Stays {
		housekeeping = "30 4 * * *"
	}
	yaml := filepath.Join(dir, "wxcast.yaml")
	if err := os.WriteFile(yaml, fmt.Appendf(nil, configuration, w.sim.AppID, w.sim.Secret, w.sim.Token,
		w.sim.EncodingAESKey, w.sim.MiniAppID, w.sim.MiniSecret, empty.url, "http://"+wechatHost,
		w.sim.MiniToken, w.sim.MiniAESKey, inFlight, accountsRate, housekeeping), 0o600); err != nil {
		return nil, err
	}
	var err error
	if w.config, err = config.Load(config.Sources{File: yaml, Env: func(string) string { return "" }}); err != nil {
		return nil, err
	}
	server := &http.Server{Handler: w.sim, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	go func() { _ = server.Serve(w.network.listen(wechatHost + ":80")) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	of, err := w.config.Account("")
	if err != nil {
		return nil, err
	}
	cfg := *w.config
	calm := &process{world: w, name: "operator", calm: true}
	cfg.Machine.Store = func(c driver.Connector) driver.Connector { return connector{c, calm} }
	cfg.Machine.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		return w.network.dial(ctx, address)
	}
	w.operator, err = account.Open(ctx, &cfg, of, slog.New(slog.DiscardHandler))
	return w, err
}

// toUs connects WeChat to one of the processes that are there, as a load balancer does.
func (w *world) toUs(ctx context.Context, _, _ string) (net.Conn, error) {
	w.mu.Lock()
	var to *process
	for range w.running {
		w.next = (w.next + 1) % processes
		if p := w.running[w.next]; p != nil && !p.isDead() {
			to = p
			break
		}
	}
	w.mu.Unlock()
	if to == nil {
		return nil, errRefused
	}
	return w.network.dial(ctx, to.address)
}

// live lets the plan happen, and holds the books against WeChat's when all has its end.
func (w *world) live(ctx context.Context) error {
	ctx = account.As(ctx, "world", "")
	if err := w.prepare(ctx); err != nil {
		return err
	}
	for day := 0; ; day++ {
		w.until(ctx, w.beginOf(day))
		w.sim.SetKnobs(func(k *simulator.Knobs) { *k = w.healthy })
		if err := w.shift(ctx, w.actsOf(day, false), w.quiet, workEnds); err != nil {
			return fmt.Errorf("day %d: %w", day+1, err)
		}
		if day < w.plan.Days {
			w.until(ctx, w.beginOf(day).Add(workToNight-2*time.Second))
			if err := w.shift(ctx, w.actsOf(day, true), w.synced(w.beginOf(day).Add(workToNight)),
				workEnds); err != nil {
				return fmt.Errorf("night %d: %w", day+1, err)
			}
		}
		over, err := w.allOver(ctx)
		if err != nil {
			return err
		}
		switch {
		case day+1 >= w.plan.Days && over:
			w.checkSizes()
			return w.check(ctx)
		case day > w.plan.Days+moreDays:
			w.broke("all ends", "%d days after the last act broadcasts are still at work: %s", moreDays,
				w.standing(ctx))
			return nil
		}
	}
}

func (w *world) beginOf(day int) time.Time {
	return w.began.Add(beforeWork + time.Duration(day)*24*time.Hour)
}

func (w *world) actsOf(day int, night bool) (acts []Act) {
	for _, a := range w.plan.Acts {
		if a.Day == day && a.Night == night {
			acts = append(acts, a)
		}
	}
	return acts
}

func (w *world) until(ctx context.Context, t time.Time) {
	if d := time.Until(t); d > 0 {
		wait(ctx, d)
	}
}

// prepare brings the followers and the mini users into the store.
func (w *world) prepare(ctx context.Context) error {
	if _, err := w.operator.Sync(ctx, wxcast.SyncIncremental, false, nil); err != nil {
		return err
	}
	var csv strings.Builder
	if err := w.sim.WriteMiniUsers(&csv); err != nil {
		return err
	}
	return w.importMiniUsers(ctx, strings.NewReader(csv.String()))
}

// shift lets the processes work while acts happen, until done says that nothing is left to do.
func (w *world) shift(ctx context.Context, acts []Act, done func(context.Context) (bool, error),
	most time.Duration) error {
	w.mu.Lock()
	w.atWork = true
	w.mu.Unlock()
	w.checkIdle()
	defer w.nowIdle()
	looked := w.watchLeases(ctx)
	for i := range processes {
		w.begin(i)
		wait(ctx, 137*time.Microsecond) // two that began at once would do all at once
	}
	w.moved = time.Now()
	begun, steps, messages := time.Now(), w.steps.Load(), w.sim.State().Messages
	for _, a := range acts {
		w.until(ctx, begun.Add(a.At))
		if err := w.do(ctx, a); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	for {
		wait(ctx, 3*time.Second)
		is, err := done(ctx)
		if err != nil {
			return err
		}
		if is || time.Since(begun) > most {
			break
		}
	}
	w.checkSteps(w.steps.Load()-steps, w.sim.State().Messages-messages, time.Since(begun))
	wait(ctx, 15*time.Second) // receipts come, and what was killed is begun again
	if w.plan.Stays {
		w.endOthers()
	} else {
		w.end()
	}
	return looked()
}

// begin begins a process, where none is running in its place.
func (w *world) begin(i int) {
	w.mu.Lock()
	free := w.atWork && (w.running[i] == nil || w.running[i].isDead())
	w.mu.Unlock()
	if !free {
		return
	}
	p, err := w.start(fmt.Sprintf("p%d", i+1))
	if err != nil { // the store is away, say: whatever keeps it running tries again
		w.again(i, 2*time.Second)
		return
	}
	w.mu.Lock()
	late := !w.atWork // the work has ended while it began
	if !late {
		w.running[i] = p
	}
	w.mu.Unlock()
	if late {
		p.stop()
		<-p.ended
	}
}

// again begins a process a while later.
func (w *world) again(i int, later time.Duration) {
	w.restarts.Go(func() {
		time.Sleep(later)
		w.begin(i)
	})
}

// end stops all processes, and waits until nothing of them is left.
func (w *world) end() {
	w.endFrom(0)
}

// endOthers stops all processes but the first.
func (w *world) endOthers() { w.endFrom(1) }

func (w *world) endFrom(first int) {
	w.mu.Lock()
	w.atWork = false
	all := w.running
	clear(w.running[first:])
	w.mu.Unlock()
	w.storeAway.Store(false)
	w.wechatAway.Store(false)
	for _, p := range all[first:] {
		if p != nil {
			stopped := time.Now()
			p.stop()
			<-p.ended
			if took := time.Since(stopped); took > 12*time.Second && !p.isDead() && !p.stoodStillAfter(stopped) {
				w.broke("a stop ends within 10 seconds", "%s took %v", p.name, took)
			}
		}
	}
	w.restarts.Wait()
}

// broke notes a promise that was broken.
func (w *world) broke(promise, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, promise+": "+fmt.Sprintf(format, args...))
}

// reached counts a state that is worth having been in.
func (w *world) reached(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[state]++
}

// logbook reads what the processes log: no secret may stand there, and some lines tell that a
// state was reached.
type logbook struct {
	slog.Handler
	world *world
}

func newLogbook(w *world) slog.Handler {
	return slog.NewTextHandler(&logbook{world: w}, &slog.HandlerOptions{Level: slog.LevelInfo})
}

// Write takes one line.
func (l *logbook) Write(line []byte) (int, error) {
	text := string(line)
	for _, secret := range []string{l.world.sim.Secret, l.world.sim.MiniSecret, l.world.sim.EncodingAESKey} {
		if strings.Contains(text, secret) {
			l.world.broke("no secret in any output", "%s", text)
		}
	}
	if someToken.MatchString(text) {
		l.world.broke("no secret in any output", "%s", text)
	}
	for words, state := range logged {
		if strings.Contains(text, words) {
			l.world.reached(state)
		}
	}
	if trace != nil {
		fmt.Fprintf(trace, "%s %s", time.Now().Format("02 15:04:05.000000"), text)
	}
	return len(line), nil
}

// someToken is how the simulator's access tokens look.
var someToken = regexp.MustCompile(`stable_[0-9a-f]{16,}`)

// trace is where what happens is written; nil for nowhere.
var trace io.Writer
