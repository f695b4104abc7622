package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

const (
	messagesAsked  = 1200
	messagesASec   = 120
	messageCallers = 16
	// askedWithin is how long a caller goes on asking, and leftWithin how long a message may take
	// after all is mended: a lease's end, and a few tries.
	askedWithin = 60 * time.Second
	leftWithin  = 90 * time.Second
)

// asking is a company's programs, which ask for single messages and ask again where they are not
// answered.
type asking struct {
	r      *round
	key    string
	client http.Client

	mu       sync.Mutex
	replicas []*command
	bases    []string
	accepted map[int]string // the id that was answered
	refused  []string
}

// single: programs ask for single messages while replicas are killed, the store is cut off and
// WeChat misbehaves. What was accepted leaves once.
func (r *round) single(ctx context.Context) error {
	replicas, database, err := 2, "", error(nil)
	if r.rnd.IntN(3) == 0 {
		replicas, database = 1, "sqlite://"+filepath.Join(r.dir, "wxcast.db")
	} else if database, err = r.database(ctx); err != nil {
		return err
	}
	a, err := r.newAsking(ctx, database, replicas)
	if err != nil {
		return err
	}
	faults := append(times(3, a.kill), times(3, r.misbehave)...)
	if replicas > 1 {
		faults = append(faults, r.restartPostgres, r.cutConnections)
	}
	return a.through(ctx, faults)
}

// newAsking prepares an account, and starts what programs ask.
func (r *round) newAsking(ctx context.Context, database string, replicas int) (*asking, error) {
	if err := r.prepare(ctx, database, 300,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return nil, err
	}
	r.rate = 400
	r.env["WXCAST_BROADCAST_RATE"] = strconv.Itoa(r.rate)
	made, err := r.ask(ctx, "key", "create", "orders", "--scope", "send,events")
	if err != nil {
		return nil, err
	}
	a := &asking{r: r, accepted: map[int]string{}, client: http.Client{Timeout: 5 * time.Second}}
	a.key, _ = made["key"].(string)
	for range replicas {
		if err := a.begin(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// through asks for all messages while things break, and checks what became of them.
func (a *asking) through(ctx context.Context, faults []func(context.Context, []*command) error) error {
	asked := make(chan struct{})
	go func() { a.askAll(ctx); close(asked) }()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	reader := a.readEvents(reading)
	if err := a.r.inTurn(ctx, faults, a.running, 300*time.Millisecond, 1500*time.Millisecond); err != nil {
		return err
	}
	<-asked
	a.r.sim.SetKnobs(a.r.heal)
	return a.check(ctx, reader)
}

func (a *asking) running() []*command { return a.replicas }

func (a *asking) begin() error {
	c, base, err := a.r.replica()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.replicas, a.bases = append(a.replicas, c), append(a.bases, base)
	return nil
}

// kill kills the oldest replica, and starts another.
func (a *asking) kill(context.Context, []*command) error {
	a.r.fault("kill -9 of a replica of serve")
	return a.replace(func(c *command) { _ = c.Process.Kill() })
}

// replace ends the oldest replica, and starts another.
func (a *asking) replace(end func(*command)) error {
	a.mu.Lock()
	victim := a.replicas[0]
	a.replicas = a.replicas[1:]
	a.mu.Unlock()
	end(victim)
	<-victim.ended
	err := a.begin()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bases = a.bases[1:]
	return err
}

func (a *asking) askAll(ctx context.Context) {
	openids := []string{}
	for openid := range a.r.sim.Followers() {
		openids = append(openids, openid)
	}
	jobs := make(chan int)
	var callers sync.WaitGroup
	for range messageCallers {
		callers.Go(func() {
			for n := range jobs {
				body := fmt.Sprintf(`{"spec":{"name":"order","template":%q,"data":{"thing1":"订单 %d","time2":"2026-11-30 10:00"},"miniprogram":{"pagepath":"pages/order?id=%d"}},"to":%q,"key":"order-%d"}`,
					a.r.sim.TemplateID, n, n, openids[n%len(openids)], n)
				if n%10 == 0 { // two programs at once
					go a.ask(ctx, n, body)
				}
				a.ask(ctx, n, body)
			}
		})
	}
	for n := range messagesAsked {
		jobs <- n
		time.Sleep(time.Second / messagesASec)
	}
	close(jobs)
	callers.Wait()
}

// ask asks until it is answered.
func (a *asking) ask(ctx context.Context, n int, body string) {
	for until := time.Now().Add(askedWithin); ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		status, answer, err := a.post(ctx, body)
		a.mu.Lock()
		switch {
		case err == nil && (status == http.StatusAccepted || status == http.StatusOK):
			id, _, _ := strings.Cut(strings.TrimPrefix(answer, `{"id":`), ",")
			if before := a.accepted[n]; before != "" && before != id {
				a.refused = append(a.refused, fmt.Sprintf("message %d is %s and %s", n, before, id))
			}
			a.accepted[n] = id
		case err == nil && status < 500 && status != http.StatusTooManyRequests || time.Now().After(until):
			a.refused = append(a.refused, fmt.Sprint(status, " ", answer, err))
		default:
			a.mu.Unlock()
			continue
		}
		a.mu.Unlock()
		return
	}
}

func (a *asking) post(ctx context.Context, body string) (status int, answer string, err error) {
	a.mu.Lock()
	base := a.bases[int(time.Now().UnixNano())%len(a.bases)]
	a.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/v1/messages", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), err
}

// check holds what was accepted against the ledger and our books.
func (a *asking) check(ctx context.Context, reader *eventReader) error {
	r := a.r
	a.mu.Lock()
	refused := a.refused
	a.mu.Unlock()
	r.check("a message is accepted once", len(refused) == 0, "%d of %d: %.300s", len(refused), messagesAsked,
		strings.Join(refused, "; "))
	var got map[int]int
	var states map[string]int
	for deadline := time.Now().Add(leftWithin); ; time.Sleep(500 * time.Millisecond) {
		got = a.got()
		var err error
		if states, err = a.states(ctx); err != nil {
			return err
		}
		if len(got) == messagesAsked && states["sent"] == messagesAsked || time.Now().After(deadline) {
			break
		}
	}
	twice := 0
	for _, n := range got {
		if n > 1 {
			twice++
		}
	}
	r.messages += len(got)
	r.check("no message lost", len(got) == messagesAsked, "%d of %d left; our books: %v", len(got), messagesAsked,
		states)
	r.check("no message twice", twice == 0, "%d", twice)
	r.check("our books are the ledger", states["sent"] == messagesAsked, "%v", states)
	reader.check(r)
	for _, c := range a.replicas {
		r.end(c)
	}
	return r.checkConnections(ctx)
}

// got is how often each message was seen on a phone.
func (a *asking) got() map[int]int {
	got := map[int]int{}
	for m := range a.r.sim.Messages() {
		if id, ok := strings.CutPrefix(m.PagePath, "pages/order?id="); ok {
			if n, err := strconv.Atoi(id); err == nil {
				got[n]++
			}
		}
	}
	return got
}

// states counts our books.
func (a *asking) states(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	for id := 1; ; id++ {
		c, err := a.r.do(ctx, []int{0, 2}, "broadcast", "export", strconv.Itoa(id), "--format", "jsonl")
		if err != nil {
			return nil, err
		}
		if c.ProcessState.ExitCode() != 0 {
			if id == 1 {
				return nil, errors.New(tail(c.out.String()))
			}
			return counts, nil
		}
		all, err := decodeLines[delivery](c.only.String())
		if err != nil {
			return nil, err
		}
		for _, d := range all {
			counts[d.State]++
		}
	}
}
