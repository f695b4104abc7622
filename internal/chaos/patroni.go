package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxcast/wxcast/deploy/ha"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

const (
	haRate = 60
	// haCalls is how much is sent between one fault's end and the next.
	haCalls = 300
	// goesOnWithin is how long nothing may be sent when a leader is gone.
	goesOnWithin = 30 * time.Second
	// stillFor is longer than the lease of a leader: another one leads meanwhile.
	stillFor = 40 * time.Second
	// wholeWithin is how long a node may take to come back, with its data made anew if it must.
	wholeWithin = 2 * time.Minute
)

// How a leader is lost.
const (
	leaderKilled   = "leader killed"
	leaderStopped  = "leader stopped (SIGSTOP)"
	leaderCutOff   = "leader cut off"
	leaderSwitched = "leader switched over"
)

// patroni: three nodes under Patroni whose leader is lost in each way there is, while four
// workers send and serve takes callbacks. HAProxy and PgBouncer stand in between.
func (r *round) patroni(ctx context.Context) error {
	cluster, err := pgserver.StartCluster(ctx, ha.Files)
	if err != nil {
		return err
	}
	defer cluster.Stop()
	err = r.onCluster(ctx, cluster)
	if r.verbose && (err != nil || len(r.broken) > 0) {
		fmt.Println(cluster.Log())
	}
	return err
}

func (r *round) onCluster(ctx context.Context, cluster *pgserver.Cluster) error {
	faults := []struct {
		name     string
		do, mend func(*pgserver.Node) error
	}{
		{leaderKilled, quietly((*pgserver.Node).Kill), (*pgserver.Node).Start},
		{leaderStopped, quietly((*pgserver.Node).Pause), quietly((*pgserver.Node).Resume)},
		{leaderCutOff, quietly((*pgserver.Node).CutOff), quietly((*pgserver.Node).Reconnect)},
		{leaderSwitched, func(n *pgserver.Node) error { return n.Switchover(ctx) }, nil},
	}
	r.rnd.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	const recipients = 15_000 // more than is sent meanwhile
	if err := r.prepare(ctx, cluster.URL, recipients, simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond),
		ReceiptDelay: simulator.Duration(300 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, haRate); err != nil {
		return err
	}
	server, base, err := r.replica()
	if err != nil {
		return err
	}
	r.sim.SetKnobs(func(k *simulator.Knobs) { k.CallbackURL, k.CallbackMode = base+"/wechat/default", "plain" })
	running, err := r.startWorkers(4)
	if err != nil {
		return err
	}
	if err := r.awaitSending(ctx, running); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	pulse, leaders := r.watchPulse(watching), watchLeaders(watching, cluster)
	for _, f := range faults {
		if err := r.awaitCalls(ctx, haCalls, running); err != nil {
			return err
		}
		leader, err := cluster.Leader(ctx)
		if err != nil {
			return err
		}
		r.fault(f.name)
		pulse.begin()
		if err := f.do(leader); err != nil {
			return err
		}
		if f.mend != nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(stillFor):
			}
			if err := f.mend(leader); err != nil {
				return err
			}
		}
		mended := time.Now()
		err = cluster.AwaitWhole(ctx, wholeWithin)
		still := pulse.longest()
		fmt.Printf("    %s (%s): nothing was sent for %.1f s; the cluster was whole %.0f s after it was mended\n",
			f.name, leader.Name, still.Seconds(), time.Since(mended).Seconds())
		r.check("sending goes on within 30 seconds", still <= goesOnWithin, "%s: nothing was sent for %v", f.name,
			still)
		r.check("a leader that was lost comes back", err == nil, "%s: %v", f.name, err)
		if err != nil {
			return nil
		}
	}
	if err := r.hurry(ctx); err != nil {
		return err
	}
	if err := awaitAll(ctx, running); err != nil {
		return err
	}
	for _, c := range running {
		r.check("no worker gives up", c.ProcessState.ExitCode() == 0, "%s", tail(c.out.String()))
	}
	if _, err = r.do(ctx, []int{0}, "broadcast", "run", "spec.yaml", "--json"); err != nil {
		return err
	}
	two := leaders()
	if n := cluster.Restarts(); n > 0 {
		fmt.Printf("    etcd, HAProxy or PgBouncer ended by itself %d times, and was started again\n", n)
	}
	r.check("there are never two leaders", two == "", "%s", two)
	r.check("serve goes on", !hasEnded(server), "%s", tail(server.out.String()))
	if err := r.checkAnswered(ctx); err != nil {
		return err
	}
	r.end(server)
	return r.checkBroadcast(ctx)
}

func quietly(do func(*pgserver.Node)) func(*pgserver.Node) error {
	return func(n *pgserver.Node) error { do(n); return nil }
}

// awaitSending waits until each worker sends: one that begins while there is no leader says so and
// ends.
func (r *round) awaitSending(ctx context.Context, running []*command) error {
	for _, c := range running {
		for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(c.out.String(), "sending: "); {
			if ctx.Err() != nil || hasEnded(c) || time.Now().After(deadline) {
				return fmt.Errorf("a worker does not send (%v): %s", ctx.Err(), tail(c.out.String()))
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

// hurry looks at the rate so far, and lets the rest be sent faster.
func (r *round) hurry(ctx context.Context) error {
	r.checkRate(r.sim.State())
	r.rate = 600
	id, err := r.broadcastID(ctx)
	if err != nil {
		return err
	}
	_, err = r.do(ctx, []int{0}, "broadcast", "rate", id, strconv.Itoa(r.rate))
	return err
}

// awaitCalls waits until so much more was sent.
func (r *round) awaitCalls(ctx context.Context, more int64, running []*command) error {
	until := r.calls() + more
	for deadline := time.Now().Add(time.Minute); r.calls() < until; time.Sleep(20 * time.Millisecond) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case allEnded(running):
			said := "all workers have ended:"
			for _, c := range running {
				said += fmt.Sprintf("\n%v: %s", c.ProcessState, tail(c.out.String()))
			}
			return errors.New(said)
		case time.Now().After(deadline):
			return fmt.Errorf("%d calls in a minute, and %d are wanted", r.calls()-until+more, more)
		}
	}
	return nil
}

// checkAnswered wants what WeChat was answered for to be in the store.
func (r *round) checkAnswered(ctx context.Context) error {
	id, err := r.broadcastID(ctx)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		answered := float64(r.sim.State().Callbacks)
		status, err := r.ask(ctx, "broadcast", "status", id)
		if err != nil {
			return err
		}
		delivered, _ := status["delivered"].(float64)
		undelivered, _ := status["undelivered"].(float64)
		stored := delivered + undelivered
		enough := stored >= answered && answered > float64(r.sent)/2
		if enough || time.Now().After(deadline) {
			r.check("a callback that was answered is in the store", enough,
				"%v were answered, %v are there, of %d messages", answered, stored, r.sent)
			fmt.Printf("    %v callbacks were answered, and %v are in the store; WeChat gave up on %d\n", answered,
				stored, r.sim.State().CallbackLost)
			return nil
		}
	}
}

// pulse is how long nothing is sent.
type pulse struct {
	mu      sync.Mutex
	calls   int64
	last    time.Time // when something was
	stillIs time.Duration
}

// watchPulse looks at it until ctx ends.
func (r *round) watchPulse(ctx context.Context) *pulse {
	p := &pulse{last: time.Now()}
	go func() {
		for ctx.Err() == nil {
			p.look(r.calls())
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return p
}

func (p *pulse) look(calls int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.stillIs = max(p.stillIs, now.Sub(p.last))
	if calls != p.calls {
		p.calls, p.last = calls, now
	}
}

func (p *pulse) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.stillIs = time.Now(), 0
}

func (p *pulse) longest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stillIs
}

// watchLeaders asks all nodes whether they lead, until ctx ends; the result tells when two did.
// A node that has just been told so may be asked a moment before the one that told it: two
// looks in a row count.
func watchLeaders(ctx context.Context, cluster *pgserver.Cluster) (seen func() string) {
	var mu sync.Mutex
	var told []string
	go func() {
		before := false
		for ctx.Err() == nil {
			leading := make([]bool, len(cluster.Nodes))
			var asked sync.WaitGroup
			for i, n := range cluster.Nodes {
				asked.Go(func() { leading[i] = n.Leads(ctx) })
			}
			asked.Wait()
			var names []string
			for i, n := range cluster.Nodes {
				if leading[i] {
					names = append(names, n.Name)
				}
			}
			if len(names) > 1 && before {
				mu.Lock()
				told = append(told, time.Now().Format("15:04:05 ")+strings.Join(names, " and "))
				mu.Unlock()
			}
			before = len(names) > 1
			time.Sleep(200 * time.Millisecond)
		}
	}()
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(told, "; ")
	}
}
