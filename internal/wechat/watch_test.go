package wechat_test

import (
	"errors"
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
	sim.SetKnobs(func(k *simulator.Knobs) { k.KillTokenEvery = 1 })
	asked, errLate := 0, errors.New("too late")
	var dates []time.Time
	ctx := wechat.WithWatch(t.Context(), wechat.Watch{GoAhead: func() error {
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
	if len(dates) == 0 || time.Since(dates[0]).Abs() > time.Minute {
		t.Errorf("WeChat's clock showed %v, want now", dates)
	}
}
