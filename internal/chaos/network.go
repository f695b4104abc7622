package main

import (
	"context"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// answers: the network loses the answer to a COMMIT now and then, and once Postgres goes
// silent without closing anything, as behind a router that has forgotten us.
func (r *round) answers(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	proxy, through, err := pgserver.StartProxy(database)
	if err != nil {
		return err
	}
	defer proxy.Close()
	recipients := 2000 + r.rnd.IntN(1000)
	if err := r.prepare(ctx, through, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 500); err != nil {
		return err
	}
	proxy.LoseAnswers("COMMIT", 1000, 3+r.rnd.Int64N(4))
	silence := func(ctx context.Context, _ []*command) error {
		r.fault("Postgres silent for two seconds")
		proxy.Silence(true)
		defer proxy.Silence(false)
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
		return nil
	}
	begun := time.Now()
	if err := r.broadcast(ctx, 1, []fault{silence}); err != nil {
		return err
	}
	took := time.Since(begun)
	r.check("a silent Postgres holds nobody up", took < time.Minute, "it took %v, of which it was silent for two seconds",
		took)
	for range proxy.Lost() {
		r.fault("answer to a COMMIT lost")
	}
	counted, err := r.countedCalls(ctx)
	if err != nil {
		return err
	}
	state := r.sim.State()
	r.check("a transaction happens once", counted == r.calls() && state.Deduplicated == 0 && proxy.Lost() > 0,
		"%d calls are counted of %d, %d messages were tried again of one worker that did not die; %d answers were lost",
		counted, r.calls(), state.Deduplicated, proxy.Lost())
	return r.checkBroadcast(ctx)
}

// countedCalls is how many calls for messages the report of today says that we made.
func (r *round) countedCalls(ctx context.Context) (int64, error) {
	report, err := r.ask(ctx, "report")
	if err != nil {
		return 0, err
	}
	apis, _ := report["apis"].([]any)
	for _, api := range apis {
		if api, _ := api.(map[string]any); api["api"] == wechat.TemplateSendAPI {
			ours, _ := api["ours"].(float64)
			return int64(ours), nil
		}
	}
	return 0, fmt.Errorf("there are no calls for messages in %v", report)
}
