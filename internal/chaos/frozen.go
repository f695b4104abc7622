package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

const (
	workerFrozen = "worker frozen with its clocks for eleven minutes"
	// frozenFor is longer than WeChat knows a client_msg_id.
	frozenFor = 11 * time.Minute
	// frozenLatency is how long WeChat's answers take, and roundTripMost the longest that one may
	// then take on a machine with much else to do.
	frozenLatency = 20 * time.Millisecond
	roundTripMost = 100 * time.Millisecond
	// inHand is for how long a worker sends what it has just claimed: half of it before its time.
	inHand = 600 * time.Millisecond
	// takenOverWithin is longer than a lease, and than others need for what was under it.
	takenOverWithin = 40 * time.Second
)

// frozen: a worker is frozen together with its clocks, as a virtual machine that is suspended.
// Others send what it had in hand. It goes on when WeChat has forgotten that, and knows of nothing.
func (r *round) frozen(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	clock, err := pgserver.NewClock(ctx, database)
	if err != nil {
		return err
	}
	defer clock.Close()
	recipients := 7000 + r.rnd.IntN(1000)
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(frozenLatency)}); err != nil {
		return err
	}
	if err := r.spec(recipients, 400); err != nil {
		return err
	}
	db, err := sql.Open("postgres", database)
	if err != nil {
		return err
	}
	defer db.Close()
	running, err := r.startWorkers(1)
	if err != nil {
		return err
	}
	victim, err := freezable(running[0].Process.Pid)
	if err != nil {
		return err
	}
	defer victim.close()
	name, err := r.nextClaim(ctx, db, "")
	if err != nil {
		return err
	}
	others, err := r.startWorkers(2)
	if err != nil {
		return err
	}
	running = append(running, others...)
	for until := int64(500 + r.rnd.IntN(1000)); r.calls() < until && !allEnded(running); {
		time.Sleep(2 * time.Millisecond)
	}
	if _, err := r.nextClaim(ctx, db, name); err != nil {
		return err
	}
	time.Sleep(time.Duration(r.rnd.Int64N(int64(inHand)))) // while it sends what it has claimed
	r.fault(workerFrozen)
	if err := victim.freeze(); err != nil {
		return err
	}
	if err := r.takenOver(ctx, db); err != nil {
		return err
	}
	r.sim.MoveClock(frozenFor)
	if err := clock.Set(ctx, frozenFor); err != nil {
		return err
	}
	if err := victim.thaw(); err != nil {
		return err
	}
	if err := awaitAll(ctx, running); err != nil {
		return err
	}
	return r.checkFrozen(ctx)
}

// nextClaim waits for a claim of a worker's, or of any worker, and returns whose it is.
func (r *round) nextClaim(ctx context.Context, db *sql.DB, worker string) (name string, err error) {
	const latest = "SELECT COALESCE(MAX(id), 0) FROM leases WHERE worker = $1 OR $1 = ''"
	var before int64
	if err := db.QueryRowContext(ctx, latest, worker).Scan(&before); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(takenOverWithin); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		err := db.QueryRowContext(ctx, "SELECT worker FROM leases WHERE id > $1 AND (worker = $2 OR $2 = '')", before,
			worker).Scan(&name)
		if !errors.Is(err, sql.ErrNoRows) {
			return name, err
		}
	}
	return "", fmt.Errorf("nobody claims anything for %v", takenOverWithin)
}

// takenOver waits until others have sent what a worker had in hand when it was frozen.
func (r *round) takenOver(ctx context.Context, db *sql.DB) error {
	var last int64 // the leases up to this one are from before
	if err := db.QueryRowContext(ctx, "SELECT MAX(id) FROM leases").Scan(&last); err != nil {
		return err
	}
	for deadline := time.Now().Add(takenOverWithin); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var left int
		if err := db.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM leases WHERE id <= $1) + "+
			"(SELECT COUNT(*) FROM deliveries WHERE state = 'pending' AND open_since IS NOT NULL)", last).
			Scan(&left); err != nil || left == 0 {
			return err
		}
	}
	return fmt.Errorf("what was in hand is not sent by others after %v", takenOverWithin)
}

// checkFrozen wants everybody to have a message, and hardly anybody two.
func (r *round) checkFrozen(ctx context.Context) error {
	ours, err := r.deliveries(ctx)
	if err != nil {
		return err
	}
	theirs := map[string]bool{}
	for m := range r.sim.Messages() {
		theirs[m.OpenID+fmt.Sprint(m.MsgID)] = true
	}
	wrong := 0
	for _, d := range ours {
		if d.State != "sent" || !theirs[d.OpenID+d.MsgID] {
			wrong++
		}
	}
	state := r.sim.State()
	r.messages += state.Messages
	most := int(float64(r.rate) * roundTripMost.Seconds())
	if r.verbose {
		fmt.Printf("    %d people have two messages; at most %d may\n", state.Duplicates, most)
	}
	r.check("who was frozen sends no more than is in flight", state.Duplicates <= most,
		"%d messages were sent again, at most %d may", state.Duplicates, most)
	r.check("no one missing", state.People == r.sent, "%d of %d people have a message", state.People, r.sent)
	r.check("our books are the ledger", wrong == 0 && len(ours) == r.sent, "%d deliveries of %d, %d wrong", len(ours),
		r.sent, wrong)
	r.checkRate(state)
	return r.checkConnections(ctx)
}
