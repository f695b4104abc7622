package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Claim gives a worker its next deliveries: retries that are due first, then
// fresh ones in openid order. One transaction leases them, reserves their quota
// and takes a time slot for them, so that any number of workers together send no
// one twice, never more than the quota and never faster than the rate.
//
// The fresh ones are covered by one lease row over their range; a retry is
// covered by its own next_attempt_at. Outcomes that no one records before the
// lease ends are taken for lost, and due again.
func (db *DB) Claim(ctx context.Context, req wxcast.ClaimRequest) (c wxcast.Claim, err error) {
	ctx = within(ctx, hurried)
	err = db.tx(ctx, req.Broadcast.AccountID, func(tx *sqlx.Tx) error {
		c = wxcast.Claim{}
		return (&claimTx{db: db, tx: tx, req: req, ref: req.Broadcast}).run(ctx, &c)
	})
	if err != nil {
		return c, fmt.Errorf("claim deliveries of broadcast %d: %w", req.Broadcast.ID, err)
	}
	return c, nil
}

// claimTx is one claim inside its transaction.
type claimTx struct {
	db        *DB
	tx        *sqlx.Tx
	req       wxcast.ClaimRequest
	ref       wxcast.BroadcastRef
	now       time.Time // by the store's clock, read in the transaction
	lostAfter time.Time // it is only for those whose answer was lost after this; zero for all
	b         struct {
		MiniID       int64 `db:"mini_id"`
		State        wxcast.BroadcastState
		Rate         float64
		Priority     int
		Canary       wxcast.CanaryState
		Until        sql.NullTime `db:"canary_until"`
		Fixed        bool
		FixedCount   int64            `db:"fixed_count"`
		LeasedTo     wxcast.Recipient `db:"leased_to"`
		Audience     string
		SlotAt       sql.NullTime `db:"slot_at"`
		SlotN        int64        `db:"slot_n"`
		Wanting      bool
		TakesUntil   sql.NullTime `db:"takes_until"`
		Now          sql.NullTime
		Latest       sql.NullTime
		Position     int
		ChannelState wxcast.BroadcastState `db:"channel_state"`
		TemplateID   string                `db:"template_id"`
		Next         string                `db:"next_channel"` // takes over whom this one cannot reach; "" for none
		// Whether anybody refused a template, or opted out who is not known as a follower, or was forgotten.
		AnyBlocks      bool `db:"any_blocks"`
		OthersOptedOut bool `db:"others_opted_out"`
		AnyForgotten   bool `db:"any_forgotten"` // of those who had opted out
		// Whether there is any of what would else be looked for.
		AnyLeases bool `db:"any_leases"`
		AnyDue    bool `db:"any_due"`
		AnyUrgent bool `db:"any_urgent"`
		AnyOlder  bool `db:"any_older"`
	}
	audience   wxcast.Audience
	due, fresh []deliveryRow
	all        bool             // there are no fresh ones behind these
	ahead      bool             // fresh were found before the account's row was locked
	last       wxcast.Recipient // the end of the range that was looked through
}

// ownsFresh tells whether the recipients whom nobody has tried yet are the channel's. Single
// messages are due one by one from the beginning.
func (t *claimTx) ownsFresh() bool { return t.b.Position == 0 && !t.ofMessages() }

// ofMessages tells whether it is about single messages.
func (t *claimTx) ofMessages() bool { return t.b.TakesUntil.Valid }

// small tells whether it is about a small broadcast, whose recipients all have their rows.
func (t *claimTx) small() bool {
	return wxcast.Broadcast{Fixed: t.b.Fixed, FixedCount: t.b.FixedCount}.Small() && !t.ofMessages()
}

// atWork is how long after it was last given work a broadcast counts as at work, and
// retrying how long it may still be trying again: longer than the longest wait for that.
const (
	atWork   = 2 * time.Second
	retrying = time.Minute
)

func (t *claimTx) run(ctx context.Context, c *wxcast.Claim) (err error) {
	begun := time.Now()
	if err := t.db.lockBroadcast(ctx, t.tx, t.ref); err != nil {
		return err
	}
	asked, now := time.Now(), t.db.Now()
	if err := t.tx.GetContext(ctx, &t.b, fmt.Sprintf(t.db.q.GetBroadcastForClaim, t.db.engine.clockColumn()),
		t.ref.AccountID, t.ref.ID, t.req.Channel.Name, now.Add(-atWork), now.Add(-retrying)); err != nil {
		return err
	}
	t.now = t.db.told(t.b.Now, asked)
	c.State = t.b.State
	if c.ChannelStopped = t.req.Through == 0 && t.b.ChannelState != wxcast.BroadcastRunning; c.ChannelStopped {
		return nil
	}
	if err := json.Unmarshal([]byte(t.b.Audience), &t.audience); err != nil {
		return fmt.Errorf("the audience: %w", err)
	}
	switch through := t.req.Through > 0; {
	case through && t.b.State.Stopped():
		t.lostAfter = t.now.Add(-t.req.Through)
	case through, c.State != wxcast.BroadcastRunning:
		return nil
	}
	if c.Loss, err = t.db.loss(ctx, t.tx, t.ref.AccountID); c.Loss != nil || err != nil {
		return err
	}
	t.last = t.b.LeasedTo
	if back := utc(t.b.Latest).Sub(t.now); back > jump {
		c.ClockBack = back
		if err := t.clockWentBack(ctx); err != nil {
			return err
		}
	}
	if t.ownsFresh() && t.b.AnyLeases {
		if err := t.reopenLapsed(ctx, c); err != nil {
			return err
		}
	}
	if err := t.lookAhead(ctx); err != nil {
		return err
	}
	// Only now the account's row: claims of its other broadcasts go on until here.
	pacer, err := t.db.lockPacer(ctx, t.tx, t.ref.AccountID, t.req.Lane, begun)
	if err != nil {
		return err
	}
	t.now, c.Slot.Now, c.NotBelieved = pacer.now, pacer.now, pacer.notBelieved
	pacer.jumps = t.ofMessages()
	own := pacer.after(t.b.SlotAt, t.b.SlotN, t.b.Rate)
	defer func() { c.LaneOpens = pacer.next.Add(-t.req.Ahead - t.req.Lead) }()
	wait, err := t.notYet(ctx, c, pacer, own)
	if err != nil {
		return err
	}
	if !wait.IsZero() {
		return t.nothingYet(ctx, c, wait)
	}
	allowed, read, err := t.allowance(ctx)
	if err != nil {
		return err
	}
	fresh, err := t.spare(ctx, c, allowed)
	if err != nil {
		return err
	}
	most := int(min(t.inSpan(pacer.share), allowed))
	if most > 0 {
		if found, err := t.look(ctx, c, most, fresh); err != nil {
			return err
		} else if found {
			return t.take(ctx, c, pacer, own)
		}
	}
	if err := t.whyEmpty(ctx, c); err != nil {
		return err
	}
	if t.b.Wanting {
		if _, err := t.tx.ExecContext(ctx, t.db.q.RestBroadcast, t.ref.AccountID, t.ref.ID); err != nil {
			return err
		}
	}
	if !c.Exhausted && !c.CanarySent && most == 0 {
		c.QuotaSpent, c.QuotaUnread = read, !read
		c.Leased, err = t.leased(ctx)
	}
	return err
}

// inSpan is how many deliveries the claim may hold at a share of the rate.
func (t *claimTx) inSpan(share float64) int64 {
	return min(int64(t.req.Max), max(1, int64(t.b.Rate*share*t.req.Span.Seconds())))
}

// notYet is when to ask again: while a more urgent broadcast is late, and while the time is
// taken, by others or by the broadcast's own last messages; zero where it is now.
func (t *claimTx) notYet(ctx context.Context, c *wxcast.Claim, p *pacer, own time.Time) (until time.Time, err error) {
	if t.ofMessages() {
		return t.messagesNotYet(p), nil
	}
	var urgent []struct {
		ID     int64
		Rate   float64
		SlotAt sql.NullTime `db:"slot_at"`
		SlotN  int64        `db:"slot_n"`
	}
	if t.b.AnyUrgent {
		if err := t.tx.SelectContext(ctx, &urgent, t.db.q.MoreUrgent, t.ref.AccountID, t.ref.ID, t.b.Priority,
			t.now.Add(-atWork), t.req.Lane.AppID, t.req.Lane.API); err != nil {
			return until, err
		}
	}
	begins := t.now.Add(t.req.Lead)
	if p.next.After(begins) {
		begins = p.next
	}
	for _, u := range urgent { // which could use the time that this claim would take
		if !p.after(u.SlotAt, u.SlotN, u.Rate).After(begins) {
			c.Behind = u.ID
			return t.now.Add(t.req.Span), nil
		}
	}
	open := p.next
	if own.After(open) {
		open = own
	}
	if open = open.Add(-t.req.Ahead); open.After(t.now.Add(t.req.Lead)) {
		return open.Add(-t.req.Lead), nil
	}
	return until, nil
}

// messagesNotYet is when single messages have time again. They go before all broadcasts: they
// take their time beside what is given away, and what is given away next begins so much later.
func (t *claimTx) messagesNotYet(p *pacer) (until time.Time) {
	if latest := p.next.Add(-jumpMax); latest.After(t.now.Add(t.req.Ahead)) {
		return latest.Add(-t.req.Ahead)
	}
	return until
}

// nothingYet is a claim whose time has not come: it tells when that is, and whether there is
// anything left to claim then.
func (t *claimTx) nothingYet(ctx context.Context, c *wxcast.Claim, until time.Time) error {
	if err := t.whyEmpty(ctx, c); err != nil {
		return err
	}
	if c.TooEarly = !c.Exhausted && !c.CanarySent; c.TooEarly && c.NextDue.Before(until) {
		c.NextDue = until
	}
	return nil
}

// longestRest is longer than any delivery is put off.
const longestRest = 3 * time.Minute

// clockWentBack mends what was written of the account by a clock that was ahead of the
// store's now. How long ago an attempt was, nobody knows any more: what is in doubt is not
// repeated.
func (t *claimTx) clockWentBack(ctx context.Context) error {
	never := time.Unix(0, 0).UTC()
	for _, mend := range []struct {
		query string
		args  []any
	}{
		{t.db.q.ShortenLeases, []any{t.now.Add(t.req.LeaseTTL), t.now.Add(t.req.LeaseTTL + jump)}},
		{t.db.q.HastenDeliveries, []any{t.now.Add(t.req.LeaseTTL), t.now.Add(longestRest)}},
		{t.db.q.CloseWindows, []any{never}},
		{t.db.q.CloseLeases, []any{never}},
		{t.db.q.DateCommits, []any{t.now}},
	} {
		if _, err := t.tx.ExecContext(ctx, mend.query, append([]any{t.ref.AccountID}, mend.args...)...); err != nil {
			return err
		}
	}
	return nil
}

// leased tells whether anyone works on deliveries of the broadcast.
func (t *claimTx) leased(ctx context.Context) (bool, error) {
	var leases int
	err := t.tx.GetContext(ctx, &leases, t.db.q.CountLeases, t.ref.AccountID, t.ref.ID)
	return leases > 0, err
}

// leasedAlive tells whether a process that is not gone holds a lease of the broadcast.
func (t *claimTx) leasedAlive(ctx context.Context) (alive bool, err error) {
	held := append([]int64{}, t.req.Held...) // [] in JSON where there are none
	err = t.tx.GetContext(ctx, &alive, fmt.Sprintf(t.db.q.AnyLeaseAlive, t.db.engine.elements("$4")),
		t.ref.AccountID, t.ref.ID, t.now, jsonParam(held))
	return alive, err
}

// reopenLapsed makes the deliveries of dead workers due again.
func (t *claimTx) reopenLapsed(ctx context.Context, c *wxcast.Claim) error {
	var lapsed []struct {
		ID        int64
		From      wxcast.Recipient `db:"from_recipient"`
		To        wxcast.Recipient `db:"to_recipient"`
		ClaimedAt time.Time        `db:"claimed_at"`
	}
	held := append([]int64{}, t.req.Held...) // [] in JSON where there are none
	if err := t.tx.SelectContext(ctx, &lapsed, t.db.q.LapsedLeases, t.ref.AccountID, t.ref.ID, t.now,
		jsonParam(held)); err != nil {
		return err
	}
	if len(lapsed) > 0 && !t.db.clock.steady(t.req.LeaseTTL) {
		return nil // by a clock that has just jumped: who lives renews meanwhile
	}
	c.TakenOver = len(lapsed)
	for _, l := range lapsed {
		var since sql.NullTime
		if !t.req.Channel.NotesEach() {
			since = nullTime(l.ClaimedAt)
		}
		reopened, err := execRows(ctx, t.tx, t.db.q.ReopenLease, t.ref.AccountID, t.ref.ID, l.From, l.To, since,
			t.now)
		if err != nil {
			return err
		}
		if _, err := t.tx.ExecContext(ctx, t.db.q.DoubtQuota, t.req.Lane.AppID, t.req.Lane.API,
			wxcast.DayOf(l.ClaimedAt), reopened); err != nil {
			return err
		}
		if _, err := t.tx.ExecContext(ctx, t.db.q.DeleteLease, t.ref.AccountID, l.ID); err != nil {
			return err
		}
		t.b.AnyDue = true
	}
	return nil
}

// take gives the worker what was found.
func (t *claimTx) take(ctx context.Context, c *wxcast.Claim, pacer *pacer, own time.Time) error {
	if err := t.takeRights(ctx, c); err != nil {
		return err
	}
	n := len(t.due) + len(t.fresh)
	if n > 0 {
		if _, err := t.tx.ExecContext(ctx, t.db.q.AddQuota, t.req.Lane.AppID, t.req.Lane.API, wxcast.DayOf(t.now),
			n, t.messages()); err != nil {
			return err
		}
		var err error
		if c.Slot, err = pacer.take(ctx, n, t.b.Rate, t.now.Add(t.req.Lead), own); err != nil {
			return err
		}
	}
	c.Day, c.Lane, c.Advanced = wxcast.DayOf(t.now), t.req.Lane, true
	c.Last = t.all && t.small()
	if err := t.takeDue(ctx, c); err != nil {
		return err
	}
	if len(t.fresh) > 0 {
		c.Fresh = make([]wxcast.Delivery, len(t.fresh))
		for i, d := range t.fresh {
			c.Fresh[i] = d.delivery()
		}
		until := t.now.Add(t.req.LeaseTTL)
		if err := t.tx.GetContext(ctx, &c.LeaseID, t.db.q.AddLease, t.ref.AccountID, t.ref.ID, t.req.Worker,
			t.b.LeasedTo, t.last, t.now, until); err != nil {
			return err
		}
	}
	_, err := t.tx.ExecContext(ctx, t.db.q.AdvanceBroadcast, t.ref.AccountID, t.ref.ID, t.last, t.now,
		nullTime(c.Slot.Start), n)
	return err
}

// takeDue hides the retries from other workers until this one's time for them is over.
func (t *claimTx) takeDue(ctx context.Context, c *wxcast.Claim) error {
	c.RetriesUntil = c.Slot.End.Add(t.req.LeaseTTL).Truncate(time.Microsecond) // as it is stored: see Hold
	if len(t.due) == 0 {
		return nil
	}
	hidden := make([]dueRow, len(t.due))
	for i, d := range t.due {
		open := utc(d.OpenSince)
		if open.IsZero() && !t.req.Channel.NotesEach() {
			open = t.now
		}
		hidden[i] = dueRow{d.key(), jsonTime(open), t.req.Channel.NotesEach()}
		c.Retries = append(c.Retries, d.delivery())
	}
	_, err := t.tx.ExecContext(ctx, t.db.q.ScheduleDeliveries, t.ref.AccountID, t.ref.ID, c.RetriesUntil,
		jsonParam(hidden))
	return err
}

// whyEmpty finds out why there was nothing to claim.
func (t *claimTx) whyEmpty(ctx context.Context, c *wxcast.Claim) error {
	// The leases first: a worker gives back what it has not sent before its lease goes. Asked
	// the other way round, both could happen in between, and nobody's deliveries look done.
	leased, err := t.leased(ctx)
	if err != nil {
		return err
	}
	var due time.Time
	err = t.tx.GetContext(ctx, &due, t.db.q.NextDue, t.ref.AccountID, t.ref.ID, nullTime(t.lostAfter),
		t.req.Channel.Name)
	if err == nil {
		c.NextDue = due.UTC()
		return nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if !t.lostAfter.IsZero() {
		c.Exhausted = true
		return nil
	}
	var elsewhere struct {
		AtWork    bool `db:"at_work"`
		Stopped   bool
		FirstRuns bool `db:"first_runs"`
	}
	if err := t.tx.GetContext(ctx, &elsewhere, t.db.q.WorkElsewhere, t.ref.AccountID, t.ref.ID,
		t.b.LeasedTo); err != nil || elsewhere.AtWork {
		return err
	}
	if t.ofMessages() && t.now.Before(t.takesMore()) { // the next may be reached by a channel that runs
		c.NextDue = t.takesMore()
		return nil
	}
	if elsewhere.Stopped && !elsewhere.FirstRuns && leased {
		if leased, err = t.leasedAlive(ctx); err != nil {
			return err
		}
	}
	if c.Stranded = elsewhere.Stopped && !leased && (t.b.Fixed || !elsewhere.FirstRuns); c.Stranded || !t.b.Fixed ||
		elsewhere.Stopped {
		return nil
	}
	if t.b.Canary != wxcast.CanaryNone {
		c.CanarySent, c.NextDue = true, utc(t.b.Until)
		return nil
	}
	if c.Exhausted = t.ofMessages(); c.Exhausted {
		return nil
	}
	var fresh []deliveryRow
	if err := t.tx.SelectContext(ctx, &fresh, t.db.q.FreshDeliveries, t.ref.AccountID, t.ref.ID, t.b.LeasedTo, 1,
		t.b.MiniID, false, false); err != nil {
		return err
	}
	c.Exhausted = len(fresh) == 0 && !leased
	return nil
}

// takesLater is how long after its day a broadcast still takes single messages: a caller's
// transaction may have begun in the day's last moment.
const takesLater = time.Minute

// takesMore is until when more single messages may come.
func (t *claimTx) takesMore() time.Time { return utc(t.b.TakesUntil).Add(takesLater) }

// messages is how many of what the claim holds are single messages.
func (t *claimTx) messages() int {
	if !t.ofMessages() {
		return 0
	}
	return len(t.due)
}
