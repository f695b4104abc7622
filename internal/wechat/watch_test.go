package wechat_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

func TestItIsAskedBeforeEachCallWhetherItMayBeMade(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 10, Seed: 7})
	c := newClient(t, sim, openStore(t), base)
	if _, err := c.ListFollowers(t.Context(), ""); err != nil { // it has a token now
		t.Fatal(err)
	}
	const latency = 5 * time.Millisecond
	sim.SetKnobs(func(k *simulator.Knobs) { k.KillTokenEvery, k.Latency = 1, simulator.Duration(latency) })
	asked, errLate, longest := 0, errors.New("too late"), time.Duration(0)
	var dates []time.Time
	ctx := wechat.WithWatch(t.Context(), wechat.Watch{GoAhead: func(waited time.Duration) error {
		longest = waited
		if asked++; asked > 1 { // while a token was fetched for the repeat
			return errLate
		}
		return nil
	}, Heard: func(date time.Time) { dates = append(dates, date) }})
	before := sim.CallsTo("/cgi-bin/user/get")
	_, err := c.ListFollowers(ctx, "")
	if !errors.Is(err, errLate) || asked != 2 || sim.CallsTo("/cgi-bin/user/get") != before+1 {
		t.Errorf("asked %d times, %d calls, %v; want it asked again before the repeat, and no second call", asked,
			sim.CallsTo("/cgi-bin/user/get")-before, err)
	}
	if longest < latency {
		t.Errorf("told that it waited for %v, want at least the %v of the call that was refused", longest, latency)
	}
	if len(dates) == 0 || time.Since(dates[0]).Abs() > time.Minute {
		t.Errorf("WeChat's clock showed %v, want now", dates)
	}
}

func TestOneRefusedTokenIsEnoughForAll(t *testing.T) {
	sim := simulator.New(simulator.Options{Followers: 10, Seed: 7})
	fetches, goOn := make(chan struct{}, 10), make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "token") {
			fetches <- struct{}{}
			<-goOn
		}
		sim.ServeHTTP(w, r)
	}))
	defer server.Close()
	c := newClient(t, sim, openStore(t), server.URL)
	goOn <- struct{}{}
	if _, err := c.ListFollowers(t.Context(), ""); err != nil { // it has a token now
		t.Fatal(err)
	}
	<-fetches
	sim.SetKnobs(func(k *simulator.Knobs) { k.KillTokenEvery = simulator.Duration(time.Nanosecond) })
	before := sim.CallsTo("/cgi-bin/user/get")
	call := func() {
		if _, err := c.ListFollowers(t.Context(), ""); err != nil {
			t.Error(err)
		}
	}
	var calls sync.WaitGroup
	calls.Go(call) // finds out that the token is dead
	<-fetches      // the answer is here, and a new token is not
	sim.SetKnobs(func(k *simulator.Knobs) { k.KillTokenEvery = 0 })
	for range 20 {
		calls.Go(call)
	}
	const inVain = 200 * time.Millisecond // nothing is to happen, and there is no other sign of that
	for until := time.Now().Add(inVain); time.Now().Before(until) &&
		sim.CallsTo("/cgi-bin/user/get") == before+1; time.Sleep(time.Millisecond) {
	}
	goOn <- struct{}{}
	calls.Wait()
	if made := sim.CallsTo("/cgi-bin/user/get") - before; made != 22 {
		t.Errorf("%d calls, want 22: the one that was refused and 21 with a new token", made)
	}
}
