package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	leaseTTL  = 8 * time.Second
	heartbeat = 700 * time.Millisecond
	// leaseMargin is how long before a lease's end sends stop: a call takes time.
	leaseMargin = time.Second
	// claimTime is how much sending one claim holds, and claimMax its most
	// deliveries: large enough to spare the store, small enough to pause at once.
	claimTime = 500 * time.Millisecond
	claimMax  = 500
	fixBatch  = 20_000
	idlePoll  = 200 * time.Millisecond
	// stopGrace is how long sends in flight may take when the program is stopped.
	stopGrace = 1200 * time.Millisecond
	// quotaPause is how far apart questions for a spent quota are.
	quotaPause = 10 * time.Second
	// dayBegins is how long after midnight a waiting broadcast goes on: WeChat does
	// not say at which minute it resets its counters.
	dayBegins = 5 * time.Minute
)

// Options say how to send.
type Options struct {
	Rate        float64 // messages per second of the account, all workers together
	Concurrency int     // calls in flight of this process
	QuotaKeep   int64   // messages a day to leave to others
	MaxFailures int     // refusals in a row that pause the broadcast
	// Progress is told now and then what this process did; it must not block.
	Progress func(Progress)
	Log      *slog.Logger
}

// Progress is what one process has done so far.
type Progress struct {
	Sent, Failed, Unknown, Retried int64
}

// Run works on a broadcast until it is done, waits for quota, is paused or
// cancelled, or ctx ends. It returns the broadcast as it stands then; an error
// means that this process could not go on. Everything done is recorded.
func Run(ctx context.Context, store Store, sender Sender, b wxcast.Broadcast, m *Message, o Options) (wxcast.Broadcast, error) {
	if b.State.Final() {
		return b, nil
	}
	if b.State != wxcast.BroadcastRunning {
		if _, err := store.MoveBroadcast(ctx, b.ID, b.State, wxcast.BroadcastRunning, "", time.Time{}); err != nil {
			return b, err
		}
	}
	r := newRunner(store, sender, b, m, o)
	runErr := r.run(ctx)
	if ctx.Err() != nil {
		runErr = ctx.Err()
	}
	after, err := store.Broadcast(context.WithoutCancel(ctx), b.ID)
	return after, errors.Join(runErr, err)
}

// runner is one worker process on one broadcast.
type runner struct {
	Options
	store   Store
	sender  Sender
	b       wxcast.Broadcast
	message *Message
	worker  string
	limiter *rate.Limiter
	batches registry

	halt    context.CancelCauseFunc // ends claiming and dispatching
	probing atomic.Bool
	count   struct{ sent, failed, unknown, retried atomic.Int64 }
	askedAt time.Time // when WeChat was last asked for a spent quota
}

var workerCount atomic.Int64

func newRunner(store Store, sender Sender, b wxcast.Broadcast, m *Message, o Options) *runner {
	host, _ := os.Hostname()
	return &runner{
		Options: o, store: store, sender: sender, b: b, message: m,
		worker:  fmt.Sprintf("%s/%d/%d/%d", host, os.Getpid(), workerCount.Add(1), time.Now().UnixNano()%1e6),
		limiter: rate.NewLimiter(rate.Limit(o.Rate), max(1, int(o.Rate/500))),
	}
}

// errHalted is the cause of a halt that is no failure: the state has changed.
var errHalted = errors.New("the broadcast is not running any more")

// run wires the stages: claim → dispatch → send → record. Halting stops the first
// two; what is in flight then is finished and recorded.
func (r *runner) run(ctx context.Context) error {
	working, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	r.halt = halt
	sending, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cutOff) })()

	claims := make(chan *batch)
	jobs := make(chan job)
	results := make(chan result, r.Concurrency)

	var background sync.WaitGroup
	background.Go(func() { r.fix(working) })
	background.Go(func() { r.beat(sending) })

	var pipeline errgroup.Group
	pipeline.Go(func() error {
		defer close(claims)
		return r.claim(working, sending, claims)
	})
	pipeline.Go(func() error {
		defer close(jobs)
		r.dispatch(working, claims, jobs, results)
		return nil
	})
	var senders sync.WaitGroup
	for range r.Concurrency {
		senders.Go(func() {
			for j := range jobs {
				results <- r.send(sending, j)
			}
		})
	}
	go func() { // no result comes after the dispatcher and the senders have ended
		_ = pipeline.Wait()
		senders.Wait()
		close(results)
	}()
	recordErr := r.record(results)
	if recordErr != nil {
		halt(recordErr)
		for range results { // let the senders end
		}
	}
	err := pipeline.Wait()
	halt(nil)
	cutOff() // nothing is in flight any more
	background.Wait()
	if cause := context.Cause(working); err == nil && cause != nil && !errors.Is(cause, errHalted) && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return errors.Join(err, recordErr)
}

// fix gives the recipients their rows while the first are being sent to.
func (r *runner) fix(ctx context.Context) {
	for fixed := false; !fixed && ctx.Err() == nil; {
		var err error
		if fixed, err = r.store.FixRecipients(ctx, r.b.ID, fixBatch); err != nil && ctx.Err() == nil {
			r.halt(err)
			return
		}
	}
}

// beat keeps the leases alive as long as sends may be in flight, and notices when
// the broadcast is paused or cancelled.
func (r *runner) beat(ctx context.Context) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at := time.Now()
		renewed, err := r.store.RenewLeases(ctx, r.worker, leaseTTL)
		if err != nil {
			if ctx.Err() == nil {
				r.Log.WarnContext(ctx, "leases not renewed", "broadcast_id", r.b.ID, "err", err)
			}
			continue
		}
		r.batches.renewed(renewed, at.Add(leaseTTL-leaseMargin))
		if b, err := r.store.Broadcast(ctx, r.b.ID); err == nil && b.State != wxcast.BroadcastRunning {
			r.halt(errHalted)
		}
		_ = r.store.SyncClock(ctx) // the old offset serves until the next beat
	}
}

// claim asks the store for work, one batch ahead of the sends, until ctx ends. What
// has begun is seen through, within the grace of sending: a claim that is cut short
// might be made and not be known, and another worker that ends the broadcast in this
// instant is no error of ours.
func (r *runner) claim(ctx, sending context.Context, claims chan<- *batch) error {
	size := min(max(int(r.Rate*claimTime.Seconds()), 1), claimMax)
	for ctx.Err() == nil {
		at := time.Now()
		c, err := r.store.Claim(sending, wxcast.ClaimRequest{
			BroadcastID: r.b.ID, Worker: r.worker, Max: size, Rate: r.Rate, QuotaKeep: r.QuotaKeep, LeaseTTL: leaseTTL,
		})
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case c.State != wxcast.BroadcastRunning:
			r.halt(errHalted)
			return nil
		case len(c.Retries)+len(c.Fresh) > 0:
			r.askedAt = time.Time{}
			b := r.batches.add(c, at.Add(leaseTTL-leaseMargin))
			select {
			case claims <- b:
			case <-ctx.Done():
				return r.giveBack(b, append(c.Retries, c.Fresh...))
			}
			continue
		case c.Exhausted:
			return r.finish(sending)
		case c.QuotaUnread, c.QuotaSpent:
			if waiting, err := r.askQuota(sending, c.QuotaUnread); err != nil || waiting {
				return err
			}
			continue
		}
		wait := idlePoll
		if !c.NextDue.IsZero() {
			wait = min(max(c.NextDue.Sub(r.store.Now()), 10*time.Millisecond), idlePoll)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

// finish ends the broadcast, if its rows say that every delivery has its end.
func (r *runner) finish(ctx context.Context) error {
	tally, err := r.store.Tally(ctx, r.b.ID)
	if err != nil {
		return err
	}
	if tally.Pending > 0 {
		return fmt.Errorf("broadcast %d: %d deliveries are pending and nobody's; this is a bug, please report it", r.b.ID, tally.Pending)
	}
	if _, err := r.store.MoveBroadcast(ctx, r.b.ID, wxcast.BroadcastRunning, wxcast.BroadcastDone, "", time.Time{}); err != nil {
		return err
	}
	r.halt(errHalted)
	return nil
}

// askQuota reads today's quota from WeChat. If it is spent the broadcast waits
// for the next day, once nothing of ours is in flight that might free some.
func (r *runner) askQuota(ctx context.Context, unread bool) (waiting bool, err error) {
	if !unread && !r.batches.empty() {
		pause(ctx, idlePoll)
		return false, nil
	}
	if !unread && time.Since(r.askedAt) < quotaPause {
		reason := "the day's quota of template messages is used up"
		if r.QuotaKeep > 0 {
			reason = fmt.Sprintf("the day's quota of template messages is used up to the %d that are kept free", r.QuotaKeep)
		}
		return true, r.wait(ctx, reason)
	}
	if !unread {
		// After the last claim and before waiting: only WeChat knows whether its day
		// has changed, and tells it by a counter that has fallen.
		r.askedAt = time.Now()
	}
	return false, ReadQuota(ctx, r.store, r.sender, r.b.AccountID, r.Log)
}

// wait puts the broadcast off until the next Beijing day.
func (r *runner) wait(ctx context.Context, reason string) error {
	tomorrow := wxcast.DayOf(r.store.Now()).Next().Begin().Add(dayBegins)
	_, err := r.store.MoveBroadcast(ctx, r.b.ID, wxcast.BroadcastRunning, wxcast.BroadcastWaiting, reason, tomorrow)
	r.halt(errHalted)
	return err
}

// ReadQuota asks WeChat for today's quota of template messages and stores it. An
// account that may not ask, or gets no answer, is taken to have no known limit:
// then 45009 is the limit.
func ReadQuota(ctx context.Context, store interface {
	Now() time.Time
	SaveQuota(ctx context.Context, accountID int64, day wxcast.Day, q wxcast.Quota) error
}, sender Sender, accountID int64, log *slog.Logger) error {
	quota, err := sender.GetQuota(ctx, wechat.TemplateSendAPI)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		log.WarnContext(ctx, "WeChat did not tell the quota of template messages", "err", err)
		quota = wxcast.Quota{API: wechat.TemplateSendAPI}
	}
	return store.SaveQuota(ctx, accountID, wxcast.DayOf(store.Now()), quota)
}
