package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// Recipients are claimed in the order of the export, so who got a message that the store does not
// know of is among the first who are pending: as many as were told, a tenth more, and what several
// workers had claimed ahead.
const (
	listMargin   = 10
	claimedAhead = 200
)

// standby: an asynchronous standby that is seconds behind takes over. Who was sent to in
// those is not in the store any more.
func (r *round) standby(ctx context.Context) error {
	pair, err := pgserver.StartPair(ctx)
	if err != nil {
		return err
	}
	defer pair.Stop()
	const recipients = 3000
	if err := r.prepare(ctx, pair.URL, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 300); err != nil {
		return err
	}
	running, err := r.startWorkers(3)
	if err != nil {
		return err
	}
	for _, then := range []struct {
		calls int64
		do    func(context.Context) error
	}{{500, pair.Lag}, {1500, pair.Failover}} {
		for r.calls() < then.calls && ctx.Err() == nil && !allEnded(running) {
			time.Sleep(2 * time.Millisecond)
		}
		if err := then.do(ctx); err != nil {
			return err
		}
	}
	r.fault("standby promoted that was behind")
	if err := awaitAll(ctx, running); err != nil {
		return err
	}
	return r.checkLoss(ctx)
}

// checkLoss wants the broadcast to be paused, nobody to be sent to twice, and the number of
// those in question to be about right.
func (r *round) checkLoss(ctx context.Context) error {
	id, err := r.broadcastID(ctx)
	if err != nil {
		return err
	}
	status, err := r.ask(ctx, "broadcast", "status", id)
	if err != nil {
		return err
	}
	ours, err := r.deliveries(ctx)
	if err != nil {
		return err
	}
	got := map[string]bool{}
	for m := range r.sim.Messages() {
		got[m.OpenID] = true
	}
	inQuestion, pending, listed := 0, 0, 0 // listed: how far down the list of who is pending those go
	for _, d := range ours {
		if d.State == "pending" {
			pending++
			if got[d.OpenID] {
				inQuestion++
				listed = pending
			}
		}
	}
	reason, _ := status["reason"].(string)
	var seconds, told int
	_, after, _ := strings.Cut(reason, "the last ")
	_, _ = fmt.Sscanf(after, "%d seconds", &seconds)
	_, after, _ = strings.Cut(strings.ReplaceAll(reason, ",", ""), "about ")
	_, _ = fmt.Sscanf(after, "%d messages", &told)
	state := r.sim.State()
	r.messages += state.Messages
	r.check("a store that went back is noticed", status["state"] == "paused" &&
		state.Deduplicated == 0 && seconds > 0 && told > inQuestion*9/10 && told < inQuestion*11/10,
		"it is %v, %d were sent to again; %d have a message that the store does not know of, %d were told (%s)",
		status["state"], state.Deduplicated, inQuestion, told, reason)
	r.check("who could get a message twice is listed", listed <= told+told/listMargin+claimedAhead,
		"the last of %d stands at %d of %d who are pending, and %d were told", inQuestion, listed, pending, told)
	return nil
}
