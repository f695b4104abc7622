package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// pageMin are the events that are read at a time, where there are as many, and linesMax and
	// bytesMax bound those of one post.
	pageMin, linesMax, bytesMax = 200, 500, 256 << 10
	// noteEvery is how often the store is told how far the endpoint is, while it takes events
	// one by one: so many are posted again after a kill.
	noteEvery = 200 * time.Millisecond
	// restAfter is the rest after a page that was not full: what comes meanwhile is posted
	// together, and the store is left in peace.
	restAfter = 200 * time.Millisecond
	// skipEvery is how often it is noted that an endpoint is past events of types that it is not
	// told of, unless these are skipMost.
	skipEvery, skipMost = 5 * time.Second, 100_000
	// goneKey ends the key of the alert that events were not kept for an endpoint.
	goneKey = ":gone"
)

// Store keeps the events, and how far each endpoint has taken them.
type Store interface {
	LineStore
	Events(ctx context.Context, accountID, after int64, types []string, least int) ([]wxcast.Event, int64, error)
}

// Endpoint is where one of the company's systems takes events.
type Endpoint struct {
	URL     string   // may hold a key
	Secrets []string // each signs
	Types   []string // of the events that it is told of; nil for all
	Lines   bool     // it takes many events in one post, as JSON Lines
}

// Sender posts an account's events to one endpoint, in their order and at least once, in one
// process at a time. An endpoint that is slow or away delays nothing else.
type Sender struct {
	Line
	Store    Store
	Client   *http.Client
	Endpoint Endpoint
	Encode   func(e wxcast.Event) []byte // an event as the endpoint gets it

	noted time.Time // when it was last noted how far it is
}

// Run posts until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	s.Line.Store = s.Store
	s.run(ctx, s.turn)
}

// turn posts what there is, and returns how long to rest.
func (s *Sender) turn(ctx context.Context) (wait time.Duration, err error) {
	hook, rest, err := s.ready(ctx)
	if err != nil || rest > 0 {
		return rest, err
	}
	events, upTo, err := s.Store.Events(ctx, s.AccountID, hook.Seq, s.Endpoint.Types, pageMin)
	var gone *wxcast.EventsGoneError
	switch {
	case errors.As(err, &gone):
		return 0, s.skip(ctx, hook, gone)
	case err != nil:
		return 0, err
	case len(events) == 0 && (upTo == hook.Seq || upTo < hook.Seq+skipMost && time.Since(s.noted) < skipEvery):
		return lookEvery, nil // that others were told of something is noted now and then
	}
	if ours, err := s.hold(ctx); err != nil || !ours {
		return 4 * lookEvery, err
	}
	// As it is now: until the lock was ours another process may have moved it.
	now, err := s.Store.Webhook(ctx, s.AccountID, s.Name)
	if err != nil || now != hook {
		return 0, err
	}
	if err := s.postAll(ctx, hook, events, upTo); err != nil || len(events) >= pageMin {
		return 0, err
	}
	return restAfter, nil // what comes meanwhile is posted together
}

// postAll posts events, and notes how far the endpoint is.
func (s *Sender) postAll(ctx context.Context, hook wxcast.Webhook, events []wxcast.Event, upTo int64) error {
	noted, notedAt := hook, time.Now()
	note := func() error {
		err := s.move(ctx, noted, hook)
		noted, notedAt = hook, time.Now()
		return err
	}
	for len(events) > 0 {
		if ours, err := s.hold(ctx); err != nil || !ours {
			return errors.Join(err, note())
		}
		n, body := s.body(events, hook.UpTo)
		err := s.post(ctx, events[:n], body)
		if err != nil && ctx.Err() != nil { // the program ends: whether it took them is not known
			return note()
		}
		if err != nil {
			hook.UpTo = events[n-1].Seq // the same are posted again, by the same id
			return s.failed(ctx, noted, hook, err)
		}
		recovered := hook.Tries > 0
		hook = wxcast.Webhook{Name: hook.Name, Seq: events[n-1].Seq, TakenAt: s.Store.Now()}
		if events = events[n:]; recovered || time.Since(notedAt) > noteEvery {
			if err := note(); err != nil {
				return err
			}
		}
	}
	hook.Seq = upTo
	if err := note(); err != nil {
		return err
	}
	s.noted = notedAt
	return s.endLoss(ctx, goneKey)
}

// body is what the next post bears, and how many events that are; up to a number where that was
// posted before.
func (s *Sender) body(events []wxcast.Event, upTo int64) (n int, body []byte) {
	if !s.Endpoint.Lines {
		return 1, s.Encode(events[0])
	}
	for ; n < min(len(events), linesMax) && len(body) < bytesMax && (upTo == 0 || events[n].Seq <= upTo); n++ {
		body = append(append(body, s.Encode(events[n])...), '\n')
	}
	return n, body
}

// skip goes on with the first events that are kept, and tells people which were not.
func (s *Sender) skip(ctx context.Context, hook wxcast.Webhook, gone *wxcast.EventsGoneError) error {
	after := hook
	after.Seq = gone.BeforeFirst
	if gone.After > gone.Last { // the store is older than what the endpoint has taken
		after.Seq = gone.Last
	}
	if err := s.raise(ctx, s.alertKey()+goneKey, "alert.webhook_gone", "webhook", hook.Name, "after",
		fmt.Sprint(hook.Seq), "first", fmt.Sprint(after.Seq)); err != nil {
		return err
	}
	return s.move(ctx, hook, after)
}
