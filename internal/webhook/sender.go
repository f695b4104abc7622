package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// lookEvery is how often it is looked whether something has happened.
	lookEvery = 500 * time.Millisecond
	// lease is how long one process is the only one that posts to an endpoint; it is renewed
	// before each post that could outlast it.
	lease = time.Minute
	// pageMin are the events that are read at a time, where there are as many, and linesMax and
	// bytesMax bound those of one post.
	pageMin, linesMax, bytesMax = 200, 500, 256 << 10
	// noteEvery is how often the store is told how far the endpoint is, while it takes events
	// one by one: so many are posted again after a kill.
	noteEvery = 200 * time.Millisecond
	// SetAsideAfter is how long an endpoint is tried that does not take an event.
	SetAsideAfter = 3 * 24 * time.Hour
	// tellAfter is how long it fails before people are told.
	tellAfter = 15 * time.Minute
	// backOffFirst is the wait after the first failure, doubled each time up to backOffLast; an
	// endpoint may ask for up to askedLast.
	backOffFirst, backOffLast, askedLast = time.Second, 5 * time.Minute, time.Hour
	// goneStands is how long people are told that events were not kept for an endpoint.
	goneStands = 24 * time.Hour
)

// Store keeps the events, and how far each endpoint has taken them.
type Store interface {
	Now() time.Time
	Events(ctx context.Context, accountID, after int64, types []string, least int) ([]wxcast.Event, int64, error)
	Webhook(ctx context.Context, accountID int64, name string) (wxcast.Webhook, error)
	MoveWebhook(ctx context.Context, accountID int64, before, after wxcast.Webhook) (bool, error)
	TryLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, wxcast.LockHolder, error)
	Unlock(ctx context.Context, name, holder string) error
	RaiseNotice(ctx context.Context, accountID int64, n wxcast.Notice) error
	EndAlert(ctx context.Context, accountID int64, key string) error
	EndOldAlert(ctx context.Context, accountID int64, key string, before time.Time) error
}

// Endpoint is one of the company's systems.
type Endpoint struct {
	Name    string
	URL     string   // may hold a key
	Secrets []string // each signs
	Types   []string // of the events that it is told of; nil for all
	Lines   bool     // it takes many events in one post, as JSON Lines
}

// Sender posts an account's events to one endpoint, in their order and at least once, in one
// process at a time. An endpoint that is slow or away delays nothing else.
type Sender struct {
	Store     Store
	Client    *http.Client
	Endpoint  Endpoint
	AccountID int64
	Account   string                      // its name
	Encode    func(e wxcast.Event) []byte // an event as the endpoint gets it
	Worker    string                      // unique to this process
	Log       *slog.Logger

	holds time.Time // until when this process is the only one, by its own clock
}

// Run posts until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	defer func() { _ = s.Store.Unlock(context.WithoutCancel(ctx), s.lock(), s.Worker) }()
	for {
		wait, err := s.turn(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "events not posted; they will be tried again", "account", s.Account, "webhook",
				s.Endpoint.Name, "err", err)
			wait = 10 * lookEvery
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (s *Sender) lock() string { return fmt.Sprintf("webhook:%d:%s", s.AccountID, s.Endpoint.Name) }

// turn posts what there is, and returns how long to rest.
func (s *Sender) turn(ctx context.Context) (wait time.Duration, err error) {
	hook, err := s.Store.Webhook(ctx, s.AccountID, s.Endpoint.Name)
	if err != nil || !hook.SetAsideAt.IsZero() {
		return 4 * lookEvery, err
	}
	if rest := hook.RetryAt.Sub(s.Store.Now()); rest > 0 {
		return min(rest, 4*lookEvery), nil
	}
	events, upTo, err := s.Store.Events(ctx, s.AccountID, hook.Seq, s.Endpoint.Types, pageMin)
	var gone *wxcast.EventsGoneError
	switch {
	case errors.As(err, &gone):
		return 0, s.skip(ctx, hook, gone)
	case err != nil:
		return 0, err
	case len(events) == 0 && upTo == hook.Seq:
		return lookEvery, nil
	}
	if ours, err := s.hold(ctx); err != nil || !ours {
		return 4 * lookEvery, err
	}
	// As it is now: until the lock was ours another process may have moved it.
	now, err := s.Store.Webhook(ctx, s.AccountID, s.Endpoint.Name)
	if err != nil || now != hook {
		return 0, err
	}
	return 0, s.postAll(ctx, hook, events, upTo)
}

// hold makes this process the only one that posts to the endpoint, for long enough for a post.
func (s *Sender) hold(ctx context.Context) (ours bool, err error) {
	if time.Until(s.holds) > postWithin+lease/4 {
		return true, nil
	}
	begun := time.Now()
	if ours, _, err = s.Store.TryLock(ctx, s.lock(), s.Worker, lease); ours && err == nil {
		s.holds = begun.Add(lease)
	}
	return ours, err
}

// postAll posts events, and notes how far the endpoint is.
func (s *Sender) postAll(ctx context.Context, hook wxcast.Webhook, events []wxcast.Event, upTo int64) error {
	noted, notedAt := hook, time.Now()
	note := func() error {
		moved, err := s.Store.MoveWebhook(context.WithoutCancel(ctx), s.AccountID, noted, hook)
		if err == nil && !moved {
			err = errMoved
		}
		noted, notedAt = hook, time.Now()
		return err
	}
	for len(events) > 0 {
		if ours, err := s.hold(ctx); err != nil || !ours {
			return errors.Join(err, note())
		}
		n, body := s.body(events)
		err := s.post(ctx, events[:n], body)
		if ctx.Err() != nil && err != nil { // the program ends: whether it took them is not known
			return note()
		}
		if err != nil {
			s.failed(ctx, &hook, err)
			return errors.Join(note(), s.tellOf(ctx, hook))
		}
		recovered := hook.Tries > 0
		hook = wxcast.Webhook{Name: hook.Name, Seq: events[n-1].Seq, TakenAt: s.Store.Now()}
		if events = events[n:]; recovered || time.Since(notedAt) > noteEvery {
			if err := note(); err != nil {
				return err
			}
		}
		if recovered {
			if err := s.Store.EndAlert(ctx, s.AccountID, s.alertKey()); err != nil {
				return err
			}
		}
	}
	hook.Seq = upTo
	if err := note(); err != nil {
		return err
	}
	return s.Store.EndOldAlert(ctx, s.AccountID, s.alertKey()+":gone", s.Store.Now().Add(-goneStands))
}

// errMoved: somebody has resumed the endpoint elsewhere, or another process posts to it.
var errMoved = errors.New("the webhook was moved by somebody else")

// body is what the next post bears, and how many events that are.
func (s *Sender) body(events []wxcast.Event) (n int, body []byte) {
	if !s.Endpoint.Lines {
		return 1, s.Encode(events[0])
	}
	for ; n < min(len(events), linesMax) && len(body) < bytesMax; n++ {
		body = append(append(body, s.Encode(events[n])...), '\n')
	}
	return n, body
}

// failed notes that an endpoint did not take the next event.
func (s *Sender) failed(ctx context.Context, hook *wxcast.Webhook, why error) {
	now := s.Store.Now()
	if hook.FailingSince.IsZero() {
		hook.FailingSince = now
	}
	hook.Why = why.Error()
	hook.RetryAt = now.Add(waitAfter(hook.Tries, why))
	hook.Tries++
	if now.Sub(hook.FailingSince) >= SetAsideAfter || errors.Is(why, errGone) {
		hook.SetAsideAt = now
	}
	s.Log.WarnContext(ctx, "an endpoint did not take an event", "account", s.Account, "webhook", hook.Name, "event",
		hook.Seq+1, "tries", hook.Tries, "why", hook.Why)
}

// waitAfter is how long to wait after so many failures before this one.
func waitAfter(tries int, why error) time.Duration {
	wait := backOffFirst << min(tries, 16)
	wait = min(wait, backOffLast)
	var refused *refusedError
	if errors.As(why, &refused) {
		wait = max(wait, min(refused.retryAfter, askedLast))
	}
	return wait
}

func (s *Sender) alertKey() string { return "webhook:" + s.Endpoint.Name }

// tellOf tells people of an endpoint that has failed for a while.
func (s *Sender) tellOf(ctx context.Context, hook wxcast.Webhook) error {
	code, key := "alert.webhook", s.alertKey()
	switch {
	case !hook.SetAsideAt.IsZero():
		code, key = "alert.webhook_aside", key+":aside"
	case hook.RetryAt.Sub(hook.FailingSince) < tellAfter:
		return nil
	}
	return s.raise(ctx, key, code, "webhook", hook.Name, "since", hook.FailingSince, "after", fmt.Sprint(hook.Seq),
		"why", hook.Why)
}

// skip goes on with the first events that are kept, and tells people which were not.
func (s *Sender) skip(ctx context.Context, hook wxcast.Webhook, gone *wxcast.EventsGoneError) error {
	after := hook
	after.Seq = gone.BeforeFirst
	if gone.After > gone.Last { // the store is older than what the endpoint has taken
		after.Seq = gone.Last
	}
	if _, err := s.Store.MoveWebhook(ctx, s.AccountID, hook, after); err != nil {
		return err
	}
	return s.raise(ctx, s.alertKey()+":gone", "alert.webhook_gone", "webhook", hook.Name, "after",
		fmt.Sprint(hook.Seq), "first", fmt.Sprint(after.Seq))
}

func (s *Sender) raise(ctx context.Context, key, code string, pairs ...any) error {
	return s.Store.RaiseNotice(ctx, s.AccountID, wxcast.Notice{Key: key, Kind: wxcast.NoticeAlert,
		Title: wxcast.Say("alert.title", "account", s.Account, "what", wxcast.Say(code)),
		Body:  wxcast.Say(code+"_body", pairs...)})
}
