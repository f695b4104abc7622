package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

const (
	peopleOfSystems = 600 // half write something, half leave
	toldWithin      = 90 * time.Second
)

// companySystems are what a company has behind wxcast: a webhook that hears what happened, and a
// program that WeChat's callbacks are passed on to. Each refuses some of what it is told.
type companySystems struct {
	mu       sync.Mutex
	posts    int
	cursor   int64           // of the last event that was taken
	repeated int             // events that were taken before
	wrong    []string        // what came out of order
	left     map[string]bool // who is told to have unfollowed
	passed   map[string]bool // whose callback was passed on
}

// refuses tells whether to answer 500: to one in 25. After each the webhook rests for a second or two.
func (s *companySystems) refuses() bool {
	s.posts++
	return s.posts%25 == 0
}

func (s *companySystems) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || s.refuses() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if r.URL.Path == "/passed" {
		var callback struct{ FromUserName string }
		if xml.Unmarshal(body, &callback) == nil {
			s.passed[callback.FromUserName] = true
		}
		return
	}
	var event struct {
		Cursor, Type string
		Data         struct{ OpenID string }
	}
	if err := json.Unmarshal(body, &event); err != nil {
		s.wrong = append(s.wrong, err.Error())
		return
	}
	n, _ := strconv.ParseInt(event.Cursor, 10, 64)
	switch {
	case n <= s.cursor:
		s.repeated++
	case s.cursor > 0 && n > s.cursor+1: // it begins where the webhook was made
		s.wrong = append(s.wrong, fmt.Sprintf("%d after %d", n, s.cursor))
	}
	s.cursor = max(s.cursor, n)
	if event.Type == "follower.unfollowed" {
		s.left[event.Data.OpenID] = true
	}
}

// systemsTold: people write and leave while the replica that hears of it is killed again and
// again. What WeChat was answered is passed on, and what happened is told, in order.
func (r *round) systemsTold(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	if err := r.prepare(ctx, database, peopleOfSystems,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	heard := &companySystems{left: map[string]bool{}, passed: map[string]bool{}}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: heard, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	if err := r.configure("http://" + listener.Addr().String()); err != nil {
		return err
	}
	serving, err := r.hears()
	if err != nil {
		return err
	}
	people := []string{}
	for openid := range r.sim.Followers() {
		people = append(people, openid)
	}
	acted := make(chan struct{})
	go func() {
		defer close(acted)
		for i, openid := range people {
			if i%2 == 0 {
				r.sim.Say(openid, "在吗")
			} else {
				r.sim.Leave(openid)
			}
			time.Sleep(15 * time.Millisecond)
		}
	}()
	kill := func(context.Context, []*command) (err error) {
		r.fault("kill -9 of a replica of serve")
		_ = serving.Process.Kill()
		<-serving.ended
		serving, err = r.hears()
		return err
	}
	if err := r.inTurn(ctx, append(times(4, kill), r.cutConnections), func() []*command { return nil },
		500*time.Millisecond, 1500*time.Millisecond); err != nil {
		return err
	}
	<-acted
	r.checkTold(ctx, heard, people)
	return nil
}

// configure writes what the environment cannot say: an account whose callbacks are passed on, and
// a webhook.
func (r *round) configure(systems string) error {
	yaml := fmt.Sprintf(`accounts:
  default: {appid: %s, secret: %s, token: %s, relay: {others: {crm: "%[4]s/passed"}},
    mini_programs: [{appid: %[5]s, secret: %[6]s}]}
webhooks: {allow_private: true, endpoints: [{name: crm, url: "%[4]s/hook", secret: whsec_%[7]s}]}
`, r.sim.AppID, r.sim.Secret, r.sim.Token, systems, r.sim.MiniAppID, r.sim.MiniSecret,
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	for _, name := range []string{"WXCAST_APPID", "WXCAST_SECRET", "WXCAST_TOKEN", "WXCAST_MINI_APPID",
		"WXCAST_MINI_SECRET"} {
		delete(r.env, name)
	}
	return os.WriteFile(filepath.Join(r.dir, "wxcast.yaml"), []byte(yaml), 0o600)
}

// hears begins a replica that WeChat tells what happens.
func (r *round) hears() (*command, error) {
	c, base, err := r.replica()
	if err != nil {
		return nil, err
	}
	r.sim.SetKnobs(func(k *simulator.Knobs) {
		k.CallbackMode, k.CallbackURL, k.CallbackTries = "plain", base+"/wechat/default", 20
	})
	return c, nil
}

// checkTold wants all that WeChat was answered to be passed on and told of.
func (r *round) checkTold(ctx context.Context, heard *companySystems, people []string) {
	answered, passed, untold := 0, 0, 0
	for deadline := time.Now().Add(toldWithin); time.Now().Before(deadline) &&
		ctx.Err() == nil; time.Sleep(300 * time.Millisecond) {
		state := r.sim.State()
		answered = int(state.Callbacks)
		heard.mu.Lock()
		passed, untold = len(heard.passed), 0
		for i, openid := range people {
			if i%2 == 1 && heard.passed[openid] && !heard.left[openid] {
				untold++
			}
		}
		heard.mu.Unlock()
		if answered+int(state.CallbackLost) == len(people) && passed >= answered && untold == 0 {
			break
		}
	}
	heard.mu.Lock()
	defer heard.mu.Unlock()
	r.check("what happened is told", untold == 0 && len(heard.left) > 0, "%d who left are not told of, %d are", untold,
		len(heard.left))
	r.check("a callback that was answered is passed on", passed >= answered && answered > 0,
		"%d were answered, %d were passed on", answered, passed)
	r.check("events come in one order, and none is missing", len(heard.wrong) == 0, "%.300s", fmt.Sprint(heard.wrong))
	r.messages += passed
}
