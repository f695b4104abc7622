package broadcast

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// recordMax outcomes, or those of recordEvery, are written in one transaction.
	recordMax   = 2000
	recordMin   = 64 // outcomes may wait for the writer, also of a slow broadcast
	recordEvery = 80 * time.Millisecond
	// recordTimeout is how long the store may be away before a process gives up:
	// its outcomes are then lost, and its leases lapse.
	recordTimeout = 45 * time.Second
)

// record writes what became of the jobs until results is closed. Its ctx outlives a stop by
// a while: a message may be out, so its outcome is written even while we are stopping.
func (r *runner) record(ctx context.Context, results <-chan result) error {
	w := &recordWriter{runner: r, ctx: ctx, unsent: map[*batch]*wxcast.Claim{}}
	timer := time.NewTimer(recordEvery)
	defer timer.Stop()
	for {
		select {
		case res, more := <-results:
			if !more {
				return errors.Join(w.flush(), w.settleRefusals(true))
			}
			w.add(res)
			if w.size < recordMax && !w.nothingInFlight() {
				continue
			}
		case <-timer.C:
			timer.Reset(recordEvery)
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
}

// recordWriter gathers results between two transactions.
type recordWriter struct {
	*runner
	ctx       context.Context
	outcomes  []wxcast.Outcome
	unsent    map[*batch]*wxcast.Claim // what of it is to be given back
	done      []*batch
	size      int
	slowedTo  float64
	troubled  int  // messages since the last flush that say WeChat is overloaded
	slow      bool // WeChat said that we are too fast
	paused    bool // the brake's reason is recorded
	quotaStop bool // WeChat said that nothing is left today
	refusals  refusals
	fell      bool // somebody is due by the next channel
}

func (w *recordWriter) add(res result) {
	w.size++
	if res.batch.left--; res.batch.left == 0 {
		w.done = append(w.done, res.batch)
	}
	w.quotaStop = w.quotaStop || res.class == wechat.ClassQuotaStop
	if res.unsent {
		w.handBack(res)
		return
	}
	res.outcome.Hold = res.batch.hold(res.retry)
	w.outcomes = append(w.outcomes, res.outcome)
	w.fell = w.fell || res.outcome.FallsTo != ""
	w.refusals.see(res)
	switch code := res.outcome.ErrCode; {
	case code == codeTooFast:
		w.slow = true
	case code == codeBusy:
		w.troubled++
		w.slow = w.slow || w.troubled >= busyBurst
	case wxcast.Among(w.facts.Gone, code):
		select {
		case w.left <- res.OpenID:
		default: // a storm of them: the next sync will tell
		}
	}
	switch state := res.outcome.State; {
	case res.outcome.FallsTo != "": // it goes on
	case state == wxcast.DeliverySent:
		w.count.sent.Add(1)
	case state == wxcast.DeliveryPending:
		w.count.retried.Add(1)
	case state == wxcast.DeliveryUnknown:
		w.count.unknown.Add(1)
	case state == wxcast.DeliverySkipped:
		w.count.skipped.Add(1)
	default:
		w.count.failed.Add(1)
	}
}

func (w *recordWriter) handBack(res result) {
	j := res.job
	back := w.unsent[j.batch]
	if back == nil {
		back = &wxcast.Claim{Day: j.batch.Day, Lane: j.batch.Lane, LeaseID: j.batch.LeaseID,
			RetriesUntil: j.batch.RetriesUntil}
		w.unsent[j.batch] = back
	}
	if res.class == wechat.ClassConfigStop { // WeChat counts a call that it refuses, but for 45009
		back.Called++
	}
	if w.facts.NotesEach() && !j.noted {
		back.NotNoted = append(back.NotNoted, j.Key())
	}
	if j.retry {
		back.Retries = append(back.Retries, j.Delivery)
	} else {
		back.Fresh = append(back.Fresh, j.Delivery)
	}
}

// Codes that say something about others than the recipient.
const (
	codeBusy    = -1
	codeTooFast = 45011
	// busyBurst answers "busy" between two flushes are no single accident.
	busyBurst = 5
)

// slowDown asks all workers of the account for a slower pace, and says so.
func (w *recordWriter) slowDown(ctx context.Context) error {
	share, err := w.store.SlowDown(ctx, w.b.AccountID, w.lane)
	if err != nil || share == w.slowedTo {
		return err
	}
	w.slowedTo = share
	w.Log.WarnContext(ctx, "slowing down: WeChat says that it gets too much", "broadcast_id", w.b.ID, "share_of_rate",
		share)
	return nil
}

// nothingInFlight tells whether every batch of this process has its end, and maybe the
// broadcast with the last.
func (w *recordWriter) nothingInFlight() bool {
	return len(w.done) > 0 && len(w.done) == w.batches.size()
}

func (w *recordWriter) flush() error {
	if w.size == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.ctx, recordTimeout)
	defer cancel()
	// First what goes back: a lease is only dropped when all its deliveries have
	// an end or are due again.
	for _, back := range w.unsent {
		if err := w.store.GiveBack(ctx, w.b, *back); err != nil {
			return err
		}
	}
	var leases []int64
	for _, b := range w.done {
		if b.LeaseID != 0 {
			leases = append(leases, b.LeaseID)
		}
	}
	over, err := w.store.RecordOutcomes(ctx, wxcast.Recording{
		Broadcast: w.b.Ref(), Worker: w.crew.worker, Channel: w.facts, Lane: w.lane, Outcomes: w.outcomes,
		DoneLeases: leases, MayEnd: w.through == 0 && w.nothingInFlight() && w.done[len(w.done)-1].Last,
	})
	if err != nil {
		return err
	}
	if over {
		w.count.over.Store(true)
		w.halt(errHalted)
	}
	w.tellEnds()
	if w.slow {
		if err := w.slowDown(ctx); err != nil {
			return err
		}
	}
	if w.quotaStop {
		if err := w.stopForQuota(ctx); err != nil {
			return err
		}
	}
	if s := w.watch.stopped(); !s.none() && !w.paused {
		what := "broadcast stopped"
		if !w.alone {
			what = "channel stopped; the broadcast's others go on"
		}
		w.Log.ErrorContext(ctx, what, "broadcast_id", w.b.ID, "channel", w.facts.Name, "reason", s.reason)
		m := wxcast.Move{To: wxcast.BroadcastPaused, Reason: s.reason}
		if s.rest > 0 {
			m.To, m.ResumeAt = wxcast.BroadcastWaiting, w.store.Now().Add(s.rest)
		}
		if err := w.stop(ctx, m); err != nil {
			return err
		}
		w.paused = true
	}
	if err := w.settleRefusals(false); err != nil {
		return err
	}
	if w.fell {
		w.crew.wakeChannel(w.b.ID, w.next)
	}
	for _, b := range w.done {
		w.batches.remove(b)
	}
	if len(w.done) > 0 {
		w.crew.wake(w.runner) // were these the last?
	}
	w.outcomes, w.done, w.size, w.quotaStop = w.outcomes[:0], w.done[:0], 0, false
	w.troubled, w.slow, w.fell = 0, false, false
	clear(w.unsent)
	if w.Progress != nil {
		w.Progress(Progress{Sent: w.count.sent.Load(), Failed: w.count.failed.Load(), Skipped: w.count.skipped.Load(),
			Unknown: w.count.unknown.Load(), Retried: w.count.retried.Load()})
	}
	return nil
}

// tellEnds counts the outcomes that are recorded, but for those that go on.
func (w *recordWriter) tellEnds() {
	if w.Ended == nil {
		return
	}
	ends := map[wxcast.DeliveryState]int{}
	for i := range w.outcomes {
		ends[w.outcomes[i].State]++
	}
	delete(ends, wxcast.DeliveryPending)
	for end, n := range ends {
		w.ended(end, n)
	}
}

// ended tells of ends by the runner's channel.
func (r *runner) ended(end wxcast.DeliveryState, n int) {
	if r.Ended != nil && n > 0 {
		r.Ended(r.facts.Name, end, n)
	}
}

// giveBack returns a batch that never reached the dispatcher.
func (r *runner) giveBack(ctx context.Context, b *batch) error {
	back := b.Claim
	if r.facts.NotesEach() {
		for _, d := range slices.Concat(b.Retries, b.Fresh) {
			back.NotNoted = append(back.NotNoted, d.Key())
		}
	}
	if err := r.store.GiveBack(ctx, r.b, back); err != nil {
		return err
	}
	defer r.batches.remove(b)
	if b.LeaseID == 0 {
		return nil
	}
	_, err := r.store.RecordOutcomes(ctx, wxcast.Recording{
		Broadcast: r.b.Ref(), Worker: r.crew.worker, Channel: r.facts, Lane: r.lane, DoneLeases: []int64{b.LeaseID},
	})
	return err
}
