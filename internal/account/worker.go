package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// broadcastPoll is how often a process looks for broadcasts to work on.
	broadcastPoll = time.Second
	// beginEvery is how long room for new broadcasts is left empty where some had none: more of those
	// at work end meanwhile, and all that follow are begun together.
	beginEvery = 200 * time.Millisecond
	// alertPolls is after how many looks the alerts are gone through that others may
	// have made an end of: a person who resumed a broadcast in a terminal.
	alertPolls = 10
	// expiryPolls is after how many looks messages end whose time is over.
	expiryPolls = 5
	// talliesAfter is how long a broadcast has been over when its counts are kept: most of its
	// receipts have come. talliesSpan is how long it counts at a time, beside one broadcast that it
	// has begun; it rests for talliesEvery, or talliesRest times as long as that took.
	talliesAfter, talliesSpan = 10 * time.Minute, 300 * time.Millisecond
	talliesEvery, talliesRest = 10 * time.Second, 20
	// broadcastRest is how long it leaves one alone that it could not go on with.
	broadcastRest = 30 * time.Second
)

// KeepBroadcasts works on all of the account's broadcasts that are running, or whose time
// has come, until ctx ends. Other processes work on them, too.
func (a *Account) KeepBroadcasts(ctx context.Context) {
	crew := broadcast.NewCrew(a.db, a.ID, a.cfg.Broadcast.Concurrency, a.log)
	a.messages.sentBy(crew)
	defer a.messages.sentBy(nil)
	w := newWorker(a, crew)
	defer w.leave(ctx)
	w.all.Go(func() { a.keepTallies(ctx) }) // a large broadcast is counted for seconds, and nobody waits for it
	tick := time.NewTicker(broadcastPoll)
	defer tick.Stop()
	var begins <-chan time.Time // when there is room
	for n := 0; ; n++ {
		a.note(ctx, a.watchStore(ctx))
		due, err := a.db.BroadcastsDue(ctx, a.ID)
		if n%expiryPolls == 0 {
			if _, err := a.db.ExpireMessages(ctx, a.ID); err != nil && ctx.Err() == nil {
				a.log.ErrorContext(ctx, "messages whose time is over were not ended", "err", err)
			}
		}
		if n%alertPolls == 0 {
			a.note(ctx, errors.Join(a.db.EndBroadcastAlerts(ctx, a.ID), a.tellChannels(ctx)))
			inDoubt, doubtErr := a.db.BroadcastsInDoubt(ctx, a.ID)
			due, err = append(due, inDoubt...), errors.Join(err, doubtErr)
		}
		if err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "broadcasts not looked up", "account", a.Name(), "err", err)
		}
		w.take(ctx, due)
		for waits := true; waits; {
			select {
			case <-ctx.Done():
				return
			case <-w.free:
				if begins == nil {
					begins = time.After(beginEvery)
				}
			case <-begins:
				begins = nil
				w.begin(ctx)
			case <-tick.C:
				waits = false
			case <-a.messages.told: // at once: somebody waits for it
				waits = false
			}
		}
	}
}

// keepTallies counts the broadcasts that are over, until ctx ends.
func (a *Account) keepTallies(ctx context.Context) {
	for rest := talliesEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
		begun := time.Now()
		a.note(ctx, a.db.KeepTallies(ctx, a.ID, talliesAfter, talliesSpan))
		rest = max(talliesEvery, talliesRest*time.Since(begun))
	}
}

// work sends a broadcast until it ends or stops, and returns how long to leave it alone.
func (a *Account) work(ctx context.Context, crew *broadcast.Crew, b wxcast.Broadcast) (rest time.Duration) {
	unsent := b.StartedAt.IsZero() // hardly an alert stands of it: it is not looked for one of many small ones
	spec, err := a.stored(ctx, b)
	if err == nil {
		var by []broadcast.With
		if by, err = a.sendBy(ctx, spec, b); err == nil {
			o := a.sendOptions(spec.Spec)
			o.Rate = 0 // as it is
			o.TakenOver, o.Ended = a.tookOver, a.ended
			if b.State.Stopped() {
				return a.seeThrough(ctx, crew, b, by, o)
			}
			a.log.InfoContext(ctx, "broadcast at work", "broadcast_id", b.ID, "name", b.Name)
			if !unsent && !broadcast.WaitsForIP(b) { // whether that is over shows the first call
				a.recovered(ctx, fmt.Sprintf("broadcast:%d", b.ID))
			}
			b, err = crew.Run(ctx, b, by, o)
		}
	}
	if ctx.Err() != nil && !errors.Is(err, broadcast.ErrNotRecorded) {
		return 0
	}
	if err != nil {
		a.log.ErrorContext(ctx, "broadcast stopped; it will be tried again", "broadcast_id", b.ID, "name", b.Name,
			"err", err)
		return broadcastRest
	}
	a.log.InfoContext(ctx, "broadcast is "+string(b.State), "broadcast_id", b.ID, "name", b.Name, "reason", b.Reason)
	if !unsent || b.State != wxcast.BroadcastDone {
		a.tellState(ctx, b)
	}
	return 0
}

// watchStore pauses the broadcasts when the store has lost what was recorded of them, and
// tells people.
func (a *Account) watchStore(ctx context.Context) error {
	loss, err := a.db.Loss(ctx, a.ID)
	if err != nil || loss == nil {
		return err
	}
	a.log.ErrorContext(ctx, "the store has lost what it had confirmed: all broadcasts are paused", "account", a.Name(),
		"lost", loss.Span, "messages", loss.Messages)
	a.raise(ctx, "store", wxcast.Say("alert.store_went_back"), wxcast.Say("alert.store_went_back_body",
		"seconds", int64(loss.Span.Seconds()+0.5), "messages", loss.Messages))
	return a.db.PauseAfterLoss(ctx, a.ID, *loss)
}

// seeThrough ends the doubts of a broadcast that was stopped.
func (a *Account) seeThrough(ctx context.Context, crew *broadcast.Crew, b wxcast.Broadcast, by []broadcast.With,
	o broadcast.Options) (rest time.Duration) {
	if _, err := crew.SeeThrough(ctx, b, by, o); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "the doubts of a broadcast are not seen through; it will be tried again",
			"broadcast_id",
			b.ID, "name", b.Name, "err", err)
		return broadcastRest
	}
	return 0
}

func (a *Account) tookOver(leases int) {
	if a.metrics != nil {
		a.metrics.TookOver(a.Name(), leases)
	}
}

func (a *Account) ended(channel string, end wxcast.DeliveryState, n int) {
	if a.metrics != nil {
		a.metrics.Ended(a.Name(), channel, end, n)
	}
}
