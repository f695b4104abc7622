package main

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// What goes wrong with clocks.
const (
	clockJumped  = "Postgres's clock ahead for a second"
	clockSetBack = "Postgres's clock set back"
)

// heldUp is how much longer than without a broadcast may take on a machine with much else to do.
const heldUp = 30 * time.Second

// clocks: the clock of Postgres jumps ahead for a second and comes back, by more than a
// lease and by more than WeChat's window, and once it is set back for good.
func (r *round) clocks(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	clock, err := pgserver.NewClock(ctx, database)
	if err != nil {
		return err
	}
	defer clock.Close()
	recipients := 3000 + r.rnd.IntN(1000)
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(20 * time.Millisecond)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 400); err != nil {
		return err
	}
	ahead := time.Duration(0)
	leap := func(by time.Duration) fault {
		return func(ctx context.Context, _ []*command) error {
			r.fault(clockJumped)
			if err := clock.Set(ctx, ahead+by); err != nil {
				return err
			}
			time.Sleep(time.Second)
			return clock.Set(ctx, ahead)
		}
	}
	setBack := func(ctx context.Context, _ []*command) error {
		r.fault(clockSetBack)
		ahead -= 3 * time.Minute
		return clock.Set(ctx, ahead)
	}
	const promise = "a clock that jumps holds nobody up"
	begun, alone := time.Now(), time.Duration(recipients/r.rate)*time.Second
	sending, cancel := context.WithTimeout(ctx, alone+2*heldUp) // it may be as long as the clock jumped
	defer cancel()
	err = r.broadcast(sending, 3, []fault{leap(2 * time.Minute), leap(11 * time.Minute), setBack})
	took := time.Since(begun)
	if sending.Err() != nil && ctx.Err() == nil {
		r.check(promise, false, "it is not over after %v, %v without", took, alone)
		return nil
	}
	if err != nil {
		return err
	}
	r.check(promise, took < alone+heldUp, "it took %v, %v without", took, alone)
	state := r.sim.State()
	r.check("what a living process has is its own, whatever the clock says", state.Deduplicated == 0,
		"%d messages were sent again", state.Deduplicated)
	return r.checkBroadcast(ctx)
}
