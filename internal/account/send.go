package account

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// Sending is how this process sends a broadcast and tells of it.
type Sending struct {
	Asker
	// KeepRate leaves the rate of a broadcast that is running: a person may have changed it.
	KeepRate bool
	// Wait goes on by itself after quiet hours and spent quotas.
	Wait bool
	// Progress is told how many recipients have their end, of how many (0: not known), and
	// with end when this stretch of sending is over; nil tells nobody.
	Progress func(done, whole int64)
	Pause    func() // a stretch of sending is over
}

// Sent is a broadcast as it stands when this process has ended working on it.
type Sent struct {
	wxcast.Broadcast
	Summary report.Broadcast
}

// RunBroadcast sends a spec's broadcast to its end in this process, or goes on with it.
// Audited.
func (a *Account) RunBroadcast(ctx context.Context, s Spec, o Sending) (Sent, error) {
	return audited(ctx, a, "run-broadcast", s.Name, func(e *entry) (Sent, error) {
		b, checked, recipients, err := a.find(ctx, s, broadcast.Begin{State: wxcast.BroadcastRunning}, o.Asker)
		if err != nil {
			return Sent{Broadcast: b}, err
		}
		e.about("broadcast %d (%s)", b.ID, b.Name)
		options := a.sendOptions(s)
		if b.State == wxcast.BroadcastRunning && o.KeepRate {
			options.Rate = 0
		}
		return a.send(ctx, work{b, checked, recipients}, options, o)
	})
}

// ContinueBroadcast sends a stored broadcast in this process, if it is in one of some states.
// Audited.
func (a *Account) ContinueBroadcast(ctx context.Context, action string, id int64, o Sending,
	from ...wxcast.BroadcastState) (Sent, error) {
	return audited(ctx, a, action+"-broadcast", fmt.Sprintf("broadcast %d", id), func(*entry) (Sent, error) {
		b, err := a.broadcast(ctx, id)
		if err != nil {
			return Sent{}, err
		}
		if err := errors.Join(a.needCalls(), mustBe(b, from...)); err != nil {
			return Sent{Broadcast: b}, err
		}
		tellFound(o.Asker, b)
		return a.goOn(ctx, b, o)
	})
}

// RunRetry makes a retry of a broadcast and sends it in this process. Audited.
func (a *Account) RunRetry(ctx context.Context, id int64, only []int, o Sending) (Sent, error) {
	return audited(ctx, a, "retry-broadcast", fmt.Sprintf("broadcast %d", id), func(e *entry) (Sent, error) {
		b, err := a.broadcast(ctx, id)
		if err == nil {
			err = a.needCalls()
		}
		if err != nil {
			return Sent{Broadcast: b}, err
		}
		retry, err := a.retry(ctx, b, only, o.Asker)
		if err != nil {
			return Sent{Broadcast: b}, err
		}
		e.about("broadcast %d (%s)", retry.ID, retry.Name)
		o.Say(wxcast.Say("broadcast.retrying", "id", retry.ID, "name", retry.Name))
		return a.goOn(ctx, retry, o)
	})
}

// goOn sends a stored broadcast at the rate that it has.
func (a *Account) goOn(ctx context.Context, b wxcast.Broadcast, o Sending) (Sent, error) {
	spec, err := a.stored(ctx, b)
	if err != nil {
		return Sent{Broadcast: b}, err
	}
	options := a.sendOptions(spec.Spec)
	options.Rate = 0
	return a.send(ctx, work{b, spec, 0}, options, o)
}

// work is a broadcast and what to send. recipients is how many there are, where that was
// counted; 0 else.
type work struct {
	b          wxcast.Broadcast
	spec       checkedSpec
	recipients int64
}

// send sends until the broadcast ends or stops; with Wait it goes on after each wait, and in
// any case when its address is on the whitelist again.
func (a *Account) send(ctx context.Context, w work, options broadcast.Options, o Sending) (Sent, error) {
	by, err := a.sendBy(ctx, w.spec, w.b)
	if err != nil {
		return Sent{Broadcast: w.b}, err
	}
	var after wxcast.Broadcast
	var runErr error
	if w.b.State == wxcast.BroadcastScheduled {
		after, runErr = a.sendWhenDue(ctx, w, by, options, o, "broadcast.begins_at")
	} else {
		after, runErr = a.sendOnce(ctx, w, by, options, o)
	}
	for runErr == nil && (o.Wait && after.State == wxcast.BroadcastWaiting || broadcast.WaitsForIP(after)) {
		o.Say(wxcast.Say("broadcast.waits", "id", after.ID, "reason", after.Reason))
		w.b = after
		after, runErr = a.sendWhenDue(ctx, w, by, options, o, "broadcast.goes_on_at")
	}
	if ctx.Err() != nil { // the counts are told all the same, but not waited for
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
		defer cancel()
	}
	summary, err := report.OfBroadcast(ctx, a.db, after)
	return Sent{after, summary}, errors.Join(runErr, err)
}

// sendWhenDue sends a broadcast when its time has come, unless somebody stops it before.
func (a *Account) sendWhenDue(ctx context.Context, w work, by []broadcast.With, options broadcast.Options, o Sending,
	code string) (_ wxcast.Broadcast, err error) {
	if w.b, err = a.await(ctx, o, w.b, code); err != nil || w.b.State.Stopped() {
		return w.b, err
	}
	return a.sendOnce(ctx, w, by, options, o)
}

// tellWithin is how long the counts of a broadcast that was stopped are waited for.
const tellWithin = 5 * time.Second

func (a *Account) sendOnce(ctx context.Context, w work, by []broadcast.With, options broadcast.Options,
	o Sending) (wxcast.Broadcast, error) {
	before, err := a.db.Tally(ctx, w.b.Ref())
	if err != nil {
		return w.b, err
	}
	if o.Progress != nil {
		whole := before.Recipients
		if !w.b.Fixed {
			whole = w.recipients
		}
		done := before.Recipients - before.Pending
		options.Progress = func(p broadcast.Progress) { o.Progress(done+p.Sent+p.Failed+p.Skipped+p.Unknown, whole) }
		defer o.Pause()
	}
	defer collectLess(a.db.Engine(), options.Concurrency)()
	b, err := broadcast.Run(ctx, a.db, w.b, by, options)
	if err != nil || !b.State.Stopped() {
		return b, err
	}
	return a.endDoubts(ctx, b, by, options, o)
}

// endDoubts sees the doubts of a broadcast through that was stopped while this process sent.
func (a *Account) endDoubts(ctx context.Context, b wxcast.Broadcast, by []broadcast.With, options broadcast.Options,
	o Sending) (wxcast.Broadcast, error) {
	all, err := a.db.BroadcastsInDoubt(ctx, a.ID)
	if err != nil || !slices.ContainsFunc(all, func(x wxcast.Broadcast) bool { return x.ID == b.ID }) {
		return b, err
	}
	o.Say(wxcast.Say("broadcast.in_doubt", "id", b.ID, "state", State(b.State), "reason", b.Reason))
	return broadcast.SeeThrough(ctx, a.db, b, by, options)
}

const (
	// awaitPoll is how often a long wait looks at the clock, and at the broadcast: a machine
	// may sleep meanwhile, and a person may resume or cancel it.
	awaitPoll = 5 * time.Second
	// askQuotaEvery is how often a broadcast that waits asks WeChat whether quota is there.
	askQuotaEvery = 10 * time.Minute
)

// await waits for a broadcast's time to come, says when that is, and returns the broadcast
// as it stands then: somebody may have moved it before.
func (a *Account) await(ctx context.Context, o Sending, b wxcast.Broadcast, code string) (wxcast.Broadcast, error) {
	if a.db.Now().Before(b.ResumeAt) {
		o.Say(wxcast.Say(code, "id", b.ID, "at", b.ResumeAt))
	}
	state, asked := b.State, time.Now()
	for {
		_ = a.db.SyncClock(ctx) // the machine may have slept
		left := b.ResumeAt.Sub(a.db.Now())
		if left <= 0 || b.State != state {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return b, ctx.Err()
		case <-time.After(min(left, awaitPoll)):
		}
		if state == wxcast.BroadcastWaiting && time.Since(asked) > askQuotaEvery {
			asked = time.Now()
			if _, err := a.readQuota(ctx); err != nil {
				a.log.WarnContext(ctx, "WeChat did not tell the quota", "err", err)
			}
		}
		if after, err := a.broadcast(ctx, b.ID); err == nil {
			b = after
		} else if ctx.Err() == nil { // the store may be away for a while
			a.log.WarnContext(ctx, "the broadcast was not looked up", "broadcast_id", b.ID, "err", err)
		}
	}
}

// Sending makes much short-lived garbage beside a small heap: collecting it less
// often saves a tenth of the CPU, within so much memory and so much more for each call
// in flight. SQLite's pages are in this process, too, and are none of the collector's.
const (
	sendingGCPercent = 400
	sendingMemory    = 48 << 20
	sqlitePages      = 20 << 20
	memoryOfACall    = 64 << 10
)

func collectLess(engine store.Engine, concurrency int) (undo func()) {
	memory := sendingMemory + int64(concurrency)*memoryOfACall
	if engine == store.SQLite {
		memory -= sqlitePages
	}
	percent := debug.SetGCPercent(sendingGCPercent)
	limit := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(limit, memory))
	return func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }
}
