package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	leaseTTL  = 8 * time.Second
	heartbeat = 500 * time.Millisecond
	// sureFor is how long after a heartbeat a process is sure that its leases are its own: it
	// bounds what a process sends that was frozen with its clock. stoodStill is by how much
	// WeChat's clock moves ahead of ours, to a second, when this process stood still.
	sureFor    = time.Second
	stoodStill = 3 * time.Second
	// lately is how long WeChat's clock counts that was ahead of others of its own.
	lately = time.Minute
	// leaseMargin is how long before a lease's end sends stop: a call takes time.
	leaseMargin = time.Second
	// claimTime is how much sending one claim holds, and claimMax its most
	// deliveries: large enough to spare the store, small enough to pause at once.
	claimTime = 300 * time.Millisecond
	claimMax  = 2000
	// claimMin is the fewest deliveries that a claim asks for where senders, not the rate,
	// are what is slow: fewer would cost the store more than they spare in the end.
	claimMin = 100
	// firstSpeed is how many a second each sender is taken to manage until it is known.
	firstSpeed = 25
	idlePoll   = 200 * time.Millisecond
	// stopGrace is how long sends in flight may take when the program is stopped, and
	// readWithin how long the broadcast's state is waited for then.
	stopGrace  = 1200 * time.Millisecond
	readWithin = time.Second
	// recordGrace is how long after a stop the store may take for what was sent, and beatTime
	// how long for one heartbeat. A stop ends in 10 seconds, whatever the store does.
	recordGrace = 5 * time.Second
	beatTime    = 5 * time.Second
	// quotaPause is how far apart questions for a spent quota are.
	quotaPause = 10 * time.Second
	// dayBegins is how long after midnight a broadcast that waits for quota goes on. WeChat
	// does not say at which minute it resets its counters: in the first lateReset of a day
	// a spent quota may still be yesterday's, and is looked at again after lookAgain.
	dayBegins = 5 * time.Minute
	lateReset = 3 * time.Hour
	// dayMargin is how long before midnight nothing leaves on the day's quota any more: a call
	// takes time, and WeChat's clock may be ahead.
	dayMargin = time.Second
	lookAgain = 10 * time.Minute
)

// Options say how to send.
type Options struct {
	// Rate and Priority become the broadcast's, where Rate is not 0.
	Rate        float64 // messages per second, all workers together
	Priority    int
	Concurrency int   // calls in flight of this process, of a crew of its own
	QuotaKeep   int64 // messages a day to leave to others
	Reserve     int64 // messages a day that broadcasts leave to single messages
	MaxFailures int   // refusals in a row that pause the broadcast
	// MaxFailedShare of the last failureWindow messages refused pauses it, too.
	MaxFailedShare float64
	// MaxRefusedShare of the last failureWindow messages refused for want of a right that our
	// ledger has pauses the channel: it is WeChat that is odd then, or the ledger.
	MaxRefusedShare float64
	Quiet           []value.QuietHours
	NotAfter        time.Time // zero for no such time
	Cap             wxcast.FrequencyCap
	Canary          spec.Canary
	OnUnknown       spec.OnUnknown
	// TakenOver is told how many leases of dead workers were found; it must not block.
	TakenOver func(leases int)
	// Ended is told how many deliveries had such an end, by which channel; it must not block.
	Ended func(channel string, end wxcast.DeliveryState, n int)
	// Progress is told now and then what this process did; it must not block.
	Progress func(Progress)
	Log      *slog.Logger
}

// With is a channel that a broadcast is sent by, and the platform of its app.
type With struct {
	Channel  Channel
	Platform Platform
}

// Progress is what one process has done so far.
type Progress struct {
	Sent, Failed, Skipped, Unknown, Retried int64
}

// Run works on one broadcast with a crew of its own: see Crew.Run.
func Run(ctx context.Context, store Store, b wxcast.Broadcast, by []With, o Options) (wxcast.Broadcast, error) {
	return NewCrew(store, b.AccountID, o.Concurrency, o.Log).Run(ctx, b, by, o)
}

// Run works on a broadcast, by all of its channels, until it is done, waits for quota, is
// paused or cancelled, or ctx ends. It returns the broadcast as it stands then, one that this
// process ended without its times; an error means that this process could not go on. Everything
// done is recorded. A crew runs any number of broadcasts of its account at a time.
func (c *Crew) Run(ctx context.Context, b wxcast.Broadcast, by []With, o Options) (wxcast.Broadcast, error) {
	if b.State.Final() {
		return b, nil
	}
	if o.Rate > 0 && (o.Rate != b.Rate || o.Priority != b.Priority) {
		if err := c.store.SetRate(ctx, b.Ref(), o.Rate, o.Priority); err != nil {
			return b, err
		}
		b.Rate, b.Priority = o.Rate, o.Priority
	}
	for _, w := range by {
		if !WaitsForIP(b) {
			break
		}
		if _, err := w.Platform.GetQuota(ctx, w.Channel.Facts().API); err != nil {
			if ip, off := wechat.OffWhitelist(err); off {
				return c.waitForIP(ctx, b, ip)
			}
		}
	}
	if b.State != wxcast.BroadcastRunning {
		if _, err := c.store.MoveBroadcast(ctx, b.Ref(),
			wxcast.Move{From: b.State, To: wxcast.BroadcastRunning}); err != nil {
			return b, err
		}
	}
	over, err := c.runAll(ctx, b, by, o)
	if over && err == nil { // as the last outcome's transaction told
		b.State, b.Reason, b.Fixed = wxcast.BroadcastDone, wxcast.Sentence{}, true
		return b, nil
	}
	return c.after(ctx, b, err)
}

// waitForIP lets a broadcast wait on, whose address is off the whitelist still.
func (c *Crew) waitForIP(ctx context.Context, b wxcast.Broadcast, ip string) (wxcast.Broadcast, error) {
	_, err := c.store.MoveBroadcast(ctx, b.Ref(), wxcast.Move{From: b.State, To: b.State,
		Reason: wxcast.Say(waitForIP, "ip", ip), ResumeAt: c.store.Now().Add(askIPAgain)})
	if err != nil {
		return b, err
	}
	return c.store.Broadcast(ctx, b.Ref())
}

// after returns the broadcast as it stands when the work on it has ended.
func (c *Crew) after(ctx context.Context, b wxcast.Broadcast, runErr error) (wxcast.Broadcast, error) {
	if ctx.Err() != nil && !errors.Is(runErr, ErrNotRecorded) {
		runErr = ctx.Err()
	}
	if ctx.Err() != nil { // its state is told all the same, but not waited for
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), readWithin)
		defer cancel()
	}
	after, err := c.store.Broadcast(ctx, b.Ref())
	if err != nil {
		after = b
	}
	return after, errors.Join(runErr, err)
}

// ErrNotRecorded is that the store took no outcomes for so long that they are lost: some
// messages may be out of which it knows nothing. Their leases lapse, and they are tried
// again with the same client_msg_id, which WeChat takes for the same for 10 minutes.
var ErrNotRecorded = errors.New("the outcomes of messages that were sent could not be recorded")

// counts are what a process has done so far for a broadcast, by all channels; over is that it has
// recorded the last outcome.
type counts struct {
	sent, failed, skipped, unknown, retried atomic.Int64
	over                                    atomic.Bool
}

// runner is one worker process on one channel of a broadcast.
type runner struct {
	Options
	With
	place   place // in the crew's queue
	crew    *Crew
	store   Store
	facts   wxcast.Channel
	lane    wxcast.Lane
	through time.Duration // it only sees doubts through that are no older than this; 0 else
	judge   judge
	b       wxcast.Broadcast
	batches registry
	speed   atomic.Int64       // deliveries a second that the senders manage; 0 where the rate is what is slow
	left    chan wxcast.OpenID // who may have left: to be confirmed

	working, sending context.Context         // of claiming and dispatching, and of calls
	halt             context.CancelCauseFunc // ends claiming and dispatching
	results          chan result             // of calls
	flying           sync.WaitGroup          // jobs that the senders have
	watch            watch
	count            *counts
	noting           chan job  // what is to be noted before it leaves; nil where nothing is
	alone            bool      // the broadcast has no other channel
	next             string    // the channel that takes over whom this one cannot reach; "" for none
	askedAt          time.Time // when WeChat was last asked for a spent quota
	behind           int64     // the broadcast that this one was last told to wait for
	share            float64   // of the rate, at the last claim
}

func newRunner(c *Crew, b wxcast.Broadcast, w With, o Options) *runner {
	facts := w.Channel.Facts()
	r := &runner{
		Options: o, With: w, crew: c, store: c.store, b: b, facts: facts, count: &counts{}, alone: true,
		lane: facts.Lane(b), judge: judge{facts: facts, onUnknown: o.OnUnknown},
		place: place{priority: b.Priority, rate: b.Rate}, left: make(chan wxcast.OpenID, confirmBatch), share: 1,
		// Sending goes on while some results are being written.
		results: make(chan result, min(max(int(b.Rate*recordEvery.Seconds()), recordMin), recordMax)),
		watch: watch{brake: brake{facts: facts, maxFailures: o.MaxFailures, maxFailedShare: o.MaxFailedShare,
			maxRefusedShare: o.MaxRefusedShare, ofMessages: b.OfMessages()}},
	}
	r.speed.Store(int64(c.concurrency) * firstSpeed)
	return r
}

// errHalted is the cause of a halt that is no failure: the state has changed.
var errHalted = errors.New("the broadcast is not running any more")

// run wires the stages: claim → dispatch → send → record. Halting stops the first
// two; what is in flight then is finished and recorded.
func (r *runner) run(ctx context.Context) error {
	working, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	sending, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	recording, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(stopGrace, cutOff)
		time.AfterFunc(recordGrace, giveUp)
	})()
	r.working, r.halt, r.sending = working, halt, sending
	r.crew.join(r)
	defer r.crew.leave(r)

	var background sync.WaitGroup
	if r.facts.NotesEach() {
		r.noting = make(chan job, r.crew.concurrency)
		background.Go(func() { r.noteAll(sending) })
	}
	confirmed := make(chan struct{})
	go func() { r.confirm(sending); close(confirmed) }()

	claims := make(chan *batch)
	var pipeline errgroup.Group
	pipeline.Go(func() error {
		defer close(claims)
		return r.claim(working, sending, recording, claims)
	})
	pipeline.Go(func() error {
		r.dispatch(working, claims)
		return nil
	})
	go func() { // no result comes after the dispatcher has ended and the senders have
		_ = pipeline.Wait()
		r.flying.Wait()
		if r.noting != nil {
			close(r.noting)
		}
		close(r.results)
	}()
	recordErr := r.record(recording, r.results)
	if recordErr != nil {
		recordErr = wxcast.NewError("broadcast.not_recorded", "why", recordErr).Of(ErrNotRecorded, recordErr)
		halt(recordErr)
		for range r.results { // let the senders end
		}
	}
	err := pipeline.Wait()
	halt(nil)
	close(r.left)
	<-confirmed
	cutOff() // nothing is in flight any more
	background.Wait()
	if cause := context.Cause(working); err == nil && cause != nil && !errors.Is(cause, errHalted) &&
		!errors.Is(cause, context.Canceled) {
		err = cause
	}
	return errors.Join(err, recordErr)
}

// try makes an attempt at a job, in a sender's goroutine.
func (r *runner) try(j job) {
	defer r.flying.Done()
	res := result{j, verdict{unsent: true}}
	if r.working.Err() == nil { // it may have been handed out just before the halt
		res = r.send(r.sending, j)
	}
	if r.watch.see(res.verdict) {
		r.halt(errHalted) // at once; the state follows with the outcome
	}
	r.results <- res
}

// tellPace says when the pace has changed.
func (r *runner) tellPace(ctx context.Context, share float64) {
	if share > r.share {
		r.Log.InfoContext(ctx, "quickening again", "broadcast_id", r.b.ID, "share_of_rate", math.Round(share*100)/100)
	}
	r.share = share
}

// finish ends the broadcast, if its rows say that every delivery has its end.
func (r *runner) finish(ctx context.Context) error {
	tally, err := r.store.Tally(ctx, r.b.Ref())
	if err != nil {
		return err
	}
	if tally.Pending > 0 {
		return fmt.Errorf("broadcast %d: %d deliveries are pending and nobody's; this is a bug, please report it",
			r.b.ID, tally.Pending)
	}
	if err := r.move(ctx, wxcast.Move{To: wxcast.BroadcastDone}); err != nil {
		return err
	}
	r.halt(errHalted)
	return nil
}

// wait puts the broadcast off until then.
func (r *runner) wait(ctx context.Context, reason wxcast.Sentence, until time.Time) error {
	err := r.move(ctx, wxcast.Move{To: wxcast.BroadcastWaiting, Reason: reason, ResumeAt: until})
	r.halt(errHalted)
	return err
}

// waitForQuota puts the channel off until there may be quota again.
func (r *runner) waitForQuota(ctx context.Context, reason wxcast.Sentence) error {
	err := r.stop(ctx, wxcast.Move{To: wxcast.BroadcastWaiting, Reason: reason,
		ResumeAt: quotaAgain(r.store.Now()), ForQuota: true, Keep: r.keep()})
	r.halt(errHalted)
	return err
}

// keep is how much of a day's quota it leaves, at the most.
func (r *runner) keep() int64 {
	if r.b.OfMessages() {
		return r.QuotaKeep
	}
	return r.QuotaKeep + r.Reserve
}

// stop stops the channel, and the broadcast with it where it has no other.
func (r *runner) stop(ctx context.Context, m wxcast.Move) error {
	if r.alone {
		return r.move(ctx, m)
	}
	return r.store.StopChannel(ctx, r.b.Ref(), r.facts.Name, m)
}

// move changes the state of the running broadcast; where somebody else did so before,
// theirs stands.
func (r *runner) move(ctx context.Context, m wxcast.Move) error {
	m.From = wxcast.BroadcastRunning
	_, err := r.store.MoveBroadcast(ctx, r.b.Ref(), m)
	return err
}
