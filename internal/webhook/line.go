package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// lookEvery is how often it is looked whether there is something to post.
	lookEvery = 500 * time.Millisecond
	// lease is how long one process is the only one that posts to a system; it is renewed before
	// each post that could outlast it.
	lease = time.Minute
	// SetAsideAfter is how long a system is tried that does not take what is next.
	SetAsideAfter = 3 * 24 * time.Hour
	// tellAfter is how long it fails before people are told.
	tellAfter = 15 * time.Minute
	// backOffFirst is the wait after the first failure, doubled each time up to backOffLast; a
	// system may ask for up to askedLast.
	backOffFirst, backOffLast, askedLast = time.Second, 5 * time.Minute, time.Hour
)

// LineStore keeps how far each system is.
type LineStore interface {
	Now() time.Time
	Webhook(ctx context.Context, accountID int64, name string) (wxcast.Webhook, error)
	MoveWebhook(ctx context.Context, accountID int64, before, after wxcast.Webhook) (bool, error)
	TryLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, wxcast.LockHolder, error)
	Unlock(ctx context.Context, name, holder string) error
	RaiseNotice(ctx context.Context, accountID int64, n wxcast.Notice) error
	EndAlert(ctx context.Context, accountID int64, key string) error
	EndOldAlert(ctx context.Context, accountID int64, key string, before time.Time) error
}

// Line is the way to one of the company's systems: one process at a time posts by it, in order;
// what is not taken is tried again, later and later, until the system is set aside.
type Line struct {
	Store     LineStore
	AccountID int64
	Account   string // its name
	Name      string // of the system, in the account
	Worker    string // unique to this process
	Log       *slog.Logger

	ended time.Time // when it was last looked whether an alert is over
	holds time.Time // until when this process is the only one, by its own clock
}

// run takes turns until ctx ends. A turn returns how long to rest after it.
func (l *Line) run(ctx context.Context, turn func(context.Context) (time.Duration, error)) {
	defer func() { _ = l.Store.Unlock(context.WithoutCancel(ctx), l.lock(), l.Worker) }()
	for {
		wait, err := turn(ctx)
		if err != nil && ctx.Err() == nil {
			l.Log.ErrorContext(ctx, "not posted; it will be tried again", "account", l.Account, "webhook", l.Name,
				"err",
				err)
			wait = 10 * lookEvery
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (l *Line) lock() string { return fmt.Sprintf("webhook:%d:%s", l.AccountID, l.Name) }

// ready is how far the system is; rest is how long it is not tried, 0 for now.
func (l *Line) ready(ctx context.Context) (hook wxcast.Webhook, rest time.Duration, err error) {
	hook, err = l.Store.Webhook(ctx, l.AccountID, l.Name)
	if err != nil || !hook.SetAsideAt.IsZero() {
		return hook, 4 * lookEvery, err
	}
	return hook, max(0, min(hook.RetryAt.Sub(l.Store.Now()), 4*lookEvery)), nil
}

// hold makes this process the only one that posts to the system, for long enough for a post.
func (l *Line) hold(ctx context.Context) (ours bool, err error) {
	if time.Until(l.holds) > postWithin+lease/4 {
		return true, nil
	}
	begun := time.Now()
	if ours, _, err = l.Store.TryLock(ctx, l.lock(), l.Worker, lease); ours && err == nil {
		l.holds = begun.Add(lease)
	}
	return ours, err
}

// errMoved: somebody has resumed the system elsewhere, or another process posts to it.
var errMoved = errors.New("the webhook was moved by somebody else")

// noteWithin is how long the store may take to note how far a system is: a stop is not held up.
const noteWithin = 2 * time.Second

// move notes how far the system is.
func (l *Line) move(ctx context.Context, before, after wxcast.Webhook) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	moved, err := l.Store.MoveWebhook(ctx, l.AccountID, before, after)
	if err == nil && !moved {
		err = errMoved
	}
	if err == nil && before.Tries > 0 && after.Tries == 0 {
		err = l.Store.EndAlert(ctx, l.AccountID, l.alertKey())
	}
	return err
}

// failed notes that a system did not take what is next, and tells people in time.
func (l *Line) failed(ctx context.Context, before, hook wxcast.Webhook, why error) error {
	now := l.Store.Now()
	if hook.FailingSince.IsZero() {
		hook.FailingSince = now
	}
	hook.Why, hook.RetryAt = why.Error(), now.Add(waitAfter(hook.Tries, why))
	hook.Tries++
	if now.Sub(hook.FailingSince) >= SetAsideAfter || errors.Is(why, errGone) {
		hook.SetAsideAt = now
	}
	l.Log.WarnContext(ctx, "a system did not take what was posted", "account", l.Account, "webhook", l.Name, "tries",
		hook.Tries, "why", hook.Why)
	// Told first: who dies in between tells it again, and nobody is set aside in silence.
	if err := l.tellOf(ctx, hook); err != nil {
		return err
	}
	return l.move(ctx, before, hook)
}

// waitAfter is how long to wait after so many failures before this one.
func waitAfter(tries int, why error) time.Duration {
	wait := min(backOffFirst<<min(tries, 16), backOffLast)
	var refused *refusedError
	if errors.As(why, &refused) {
		wait = max(wait, min(refused.retryAfter, askedLast))
	}
	return wait
}

func (l *Line) alertKey() string { return "webhook:" + l.Name }

// tellOf tells people of a system that has failed for a while.
func (l *Line) tellOf(ctx context.Context, hook wxcast.Webhook) error {
	code, key := "alert.webhook", l.alertKey()
	switch {
	case !hook.SetAsideAt.IsZero():
		code, key = "alert.webhook_aside", key+":aside"
	case hook.RetryAt.Sub(hook.FailingSince) < tellAfter:
		return nil
	}
	return l.raise(ctx, key, code, "webhook", hook.Name, "since", hook.FailingSince, "why", hook.Why)
}

const (
	// lossStands is how long people are told that something was not posted for good, and
	// lossLooked how often it is looked whether that is over.
	lossStands, lossLooked = 24 * time.Hour, time.Hour
)

// endLoss ends the alert that something was not posted for good, by the end of its key.
func (l *Line) endLoss(ctx context.Context, key string) error {
	now := l.Store.Now()
	if now.Sub(l.ended) < lossLooked {
		return nil
	}
	l.ended = now
	return l.Store.EndOldAlert(ctx, l.AccountID, l.alertKey()+key, now.Add(-lossStands))
}

func (l *Line) raise(ctx context.Context, key, code string, pairs ...any) error {
	return l.Store.RaiseNotice(ctx, l.AccountID, wxcast.Notice{Key: key, Kind: wxcast.NoticeAlert,
		Title: wxcast.Say("alert.title", "account", l.Account, "what", wxcast.Say(code)),
		Body:  wxcast.Say(code+"_body", pairs...)})
}
