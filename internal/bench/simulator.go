package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	simSenders = 64
	simTurn    = 200 * time.Millisecond // so that both have the same weather
	simTurns   = 20
	// simFollowers are listed once.
	simFollowers = 10_000_000
)

// measureSim measures how much of a bare Go handler's throughput the simulator reaches for
// template messages, so that it is never what is measured.
func measureSim(ctx context.Context, w *world) error {
	w.populate(1_000_000)
	token, err := w.token(ctx)
	if err != nil {
		return err
	}
	openids, _, err := w.page(ctx, http.DefaultClient, token, "")
	if err != nil {
		return err
	}
	sim, stopSim, err := listen(w.sim)
	if err != nil {
		return err
	}
	defer stopSim()
	bare, stopBare, err := listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","msgid":3264439863978712345}`)
	}))
	if err != nil {
		return err
	}
	defer stopBare()
	w.say("template messages in turns of %v, to the simulator and to a bare handler", simTurn)
	s := &simSender{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: simSenders}}, token: token,
		template: w.sim.TemplateID, openids: openids}
	var simRate, bareRate float64
	sentToSim := 0
	for turn := range simTurns + 1 {
		sent, a := s.turn(ctx, sim)
		_, b := s.turn(ctx, bare)
		if sentToSim += sent; turn > 0 { // the first makes the connections
			simRate += a / simTurns
			bareRate += b / simTurns
		}
	}
	if s.failed.Load() > 0 {
		return fmt.Errorf("%d messages failed", s.failed.Load())
	}
	if taken := w.sim.State().Messages; taken != sentToSim {
		return fmt.Errorf("the simulator took %d messages, of %d", taken, sentToSim)
	}
	const sent = simTurns * simTurn
	r := w.row("template messages", int(simRate*sent.Seconds()), usage{wall: sent},
		func(r *Row) { r.InFlight, r.Ceiling = simSenders, bareRate })
	w.atLeast("simulator / bare handler", r.Ratio, 0.5, "x")
	return w.listMany(ctx)
}

// listMany lists more followers than any account has.
func (w *world) listMany(ctx context.Context) error {
	w.populate(simFollowers)
	w.say("listing %d followers", simFollowers)
	token, err := w.token(ctx)
	if err != nil {
		return err
	}
	begun, listed := time.Now(), 0
	if err := w.listAll(ctx, http.DefaultClient, token, func(openids []string) { listed += len(openids) }); err != nil {
		return err
	}
	if listed != simFollowers {
		return fmt.Errorf("%d followers listed, of %d", listed, simFollowers)
	}
	w.row("followers listed", listed, usage{wall: time.Since(begun)}, nil)
	return nil
}

// listen serves a handler on a port of its own.
func listen(h http.Handler) (base string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// simSender sends messages to people in turn.
type simSender struct {
	client          *http.Client
	token, template string
	openids         []string
	next, failed    atomic.Int64
}

// turn sends for a while, and returns how many, and how many a second.
func (s *simSender) turn(ctx context.Context, base string) (sent int, perSecond float64) {
	var done atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range simSenders {
		all.Go(func() {
			for time.Since(begun) < simTurn {
				if s.send(ctx, base) != nil {
					s.failed.Add(1)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return int(done.Load()), float64(done.Load()) / time.Since(begun).Seconds()
}

func (s *simSender) send(ctx context.Context, base string) error {
	n := s.next.Add(1)
	message := fmt.Appendf(nil,
		`{"touser":%q,"template_id":%q,"client_msg_id":"bench-%d","data":{"thing1":{"value":"上新提醒 %d"},"time2":{"value":"2026-11-30 10:00"}}}`,
		s.openids[n%int64(len(s.openids))], s.template, n, n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		base+"/cgi-bin/message/template/send?access_token="+s.token, bytes.NewReader(message))
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
