package world

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/serve"
	"github.com/wxcast/wxcast/internal/text"
)

// kind is what a process does in a step: everything that others can notice of it.
type kind string

// The kinds of steps.
const (
	toStore   kind = "a statement"
	commit    kind = "a COMMIT"
	committed kind = "the answer to a COMMIT"
	toNetwork kind = "a call, or an answer to one"
	answered  kind = "what a call was answered, or a callback"
)

// process is one wxcast serve. It shares nothing with the others but the store's file and
// WeChat: what it holds in memory is gone when it is killed.
type process struct {
	world *world
	name  string
	calm  bool // no fault reaches it
	lines lines

	mu         sync.Mutex
	dead       chan struct{} // closed when it is killed
	killed     bool
	paused     chan struct{} // closed when it goes on; nil while it runs
	began      time.Time
	stoodUntil time.Time // when it last went on, or will
	steps      uint64
	commits    uint64
	done       map[uint64]uint64 // how often, by what
	armed      []trap
	losing     int // answers to COMMITs that are still to be lost
	stop       context.CancelFunc
	ended      chan struct{} // closed when nothing of it is left
	address    string
}

// trap is a fault that waits for a step.
type trap struct {
	after uint64 // this many steps
	at    kind   // "" for any
	then  func()
}

// errDead is what a killed process sees of everything.
var errDead = errors.New("this process was killed")

// errAway is what a process sees of a store that is away.
var errAway = errors.Join(errors.New("the world's store is away"), io.ErrUnexpectedEOF)

// step is asked before a process does what others can notice: what is done is told, too. It may
// wait, fail, or be the process's last.
func (p *process) step(ctx context.Context, k kind, what []byte) error {
	if p.calm {
		return nil
	}
	if k != answered {
		wait(ctx, p.latency(what))
	}
	p.mu.Lock()
	p.steps++
	if k == commit {
		p.commits++
	}
	n := p.steps
	p.mu.Unlock()
	p.world.steps.Add(1)
	p.world.note("%s %d %s %.90q", p.name, n, k, what)
	for {
		p.mu.Lock()
		paused := p.paused
		p.mu.Unlock()
		if paused == nil {
			break
		}
		select {
		case <-paused:
		case <-p.dead:
			return errDead
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.spring(n, k)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.killed:
		return errDead
	case (k == toStore || k == commit) && p.world.storeAway.Load():
		return errAway
	}
	return nil
}

// spring lets the traps go off that wait for this step.
func (p *process) spring(n uint64, k kind) {
	p.mu.Lock()
	var due []func()
	left := p.armed[:0]
	for _, t := range p.armed {
		if n >= t.after && (t.at == "" || t.at == k) {
			due = append(due, t.then)
		} else {
			left = append(left, t)
		}
	}
	p.armed = left
	p.mu.Unlock()
	for _, then := range due {
		then()
	}
}

// arm sets a trap so many steps ahead.
func (p *process) arm(steps uint64, at kind, then func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = append(p.armed, trap{p.steps + steps, at, then})
}

// losesAnswer tells whether the answer to this COMMIT is lost.
func (p *process) losesAnswer() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.losing == 0 {
		return false
	}
	p.losing--
	p.world.reached(lostCommit)
	return true
}

// kill ends a process at once: no step of its comes to anything any more.
func (p *process) kill() {
	p.mu.Lock()
	if p.killed {
		p.mu.Unlock()
		return
	}
	p.killed = true
	close(p.dead)
	p.mu.Unlock()
	p.lines.closeAll()
	p.stop()
}

// pause lets a process stand still for a time: no step of its ends meanwhile.
func (p *process) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused != nil || p.killed {
		return
	}
	goOn := make(chan struct{})
	p.paused, p.stoodUntil = goOn, time.Now().Add(d)
	if d > leaseAtLeast {
		p.world.frozen.Add(1)
	}
	time.AfterFunc(d, func() {
		p.mu.Lock()
		p.paused = nil
		p.mu.Unlock()
		close(goOn)
	})
}

// start begins a process on the world's store.
func (w *world) start(name string) (*process, error) {
	ctx, stop := context.WithCancel(context.Background())
	p := &process{world: w, name: name, began: time.Now(), done: map[uint64]uint64{}, dead: make(chan struct{}),
		ended: make(chan struct{}), stop: stop, address: name + ".wxcast.sim:80"}
	cfg := *w.config
	cfg.Machine = config.Machine{
		Dial: p.dial,
		Listen: func(context.Context, string, string) (net.Listener, error) {
			return taking{w.network.listen(p.address), p}, nil
		},
		Store: func(c driver.Connector) driver.Connector { return connector{c, p} },
	}
	program, err := serve.Open(ctx, serve.Options{Config: &cfg, Version: "world", Lang: text.English,
		Log: slog.New(w.log)})
	if err != nil {
		stop()
		close(p.ended)
		return nil, err
	}
	go func() {
		defer close(p.ended)
		err := program.Run(ctx)
		program.Close()
		p.lines.closeAll()
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil && !p.killed {
			w.broke("a program ends well", "%s: %v", name, err)
		}
	}()
	return p, nil
}

// latency is how long a step takes: some microseconds. It hangs on what is done, by which code, and
// on how often that was done before, not on who came first: so hardly two things happen in the
// same moment, and all in the same order for the same seed.
func (p *process) latency(what []byte) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write(what)
	var callers [64]uintptr
	var at [8]byte
	for _, pc := range callers[:runtime.Callers(2, callers[:])] {
		binary.LittleEndian.PutUint64(at[:], uint64(pc))
		_, _ = h.Write(at[:])
	}
	key := h.Sum64()
	p.mu.Lock()
	p.done[key]++
	n := p.done[key]
	p.mu.Unlock()
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:], p.world.plan.Seed)
	binary.LittleEndian.PutUint64(raw[8:], n)
	_, _ = h.Write(raw[:])
	_, _ = io.WriteString(h, p.name)
	return 20*time.Microsecond + time.Duration(h.Sum64()%1_000_000)*time.Nanosecond
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// stoodStillAfter tells whether it stood still at some time after t.
func (p *process) stoodStillAfter(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stoodUntil.After(t)
}
