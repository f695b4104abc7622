package account

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// Event is something that happened, for the company's other systems.
type Event struct {
	Cursor  string          `json:"cursor" doc:"the next call goes on after it"` // a number, for those who compare
	Type    string          `json:"type" doc:"such as message.sent"`
	At      time.Time       `json:"at" doc:"UTC"`
	Account string          `json:"account"`
	Data    json.RawMessage `json:"data"`
}

// NewEvent is an event as other systems are told of it.
func NewEvent(account string, e wxcast.Event) Event {
	return Event{strconv.FormatInt(e.Seq, 10), e.Type, e.At, account, e.Data}
}

// EventQuery says which events.
type EventQuery struct {
	After string   // a cursor; "" for before the first that is kept
	Types []string // such as "message.sent", "message.*" or "message"; none for all
	Limit int      // at most; at least 1
	// Wait is how long to wait for one, where there is none yet.
	Wait time.Duration
	// Stop ends the wait; nil for never.
	Stop <-chan struct{}
}

// Events are a page of events.
type Events struct {
	Events []Event
	Cursor string // what the next page is after, also where this one is empty
}

// eventsEvery is how often it is looked whether something has happened.
const eventsEvery = 200 * time.Millisecond

// Events returns the account's events after a cursor, in the order in which they are told to
// everybody: each is told once, unless a reader asks again. It is a *Gone where those that come
// next are not kept any more.
func (a *Account) Events(ctx context.Context, q EventQuery) (Events, error) {
	after, types, err := q.parse()
	if err != nil {
		return Events{}, err
	}
	for deadline, stopped := time.Now().Add(q.Wait), false; ; {
		events, upTo, err := a.db.Events(ctx, a.ID, after, types, q.Limit)
		if err != nil {
			return Events{}, gone(err)
		}
		if len(events) > q.Limit {
			events = events[:q.Limit]
			upTo = events[q.Limit-1].Seq
		}
		if len(events) > 0 || stopped || !time.Now().Before(deadline) {
			page := Events{Events: make([]Event, len(events)), Cursor: strconv.FormatInt(upTo, 10)}
			for i, e := range events {
				page.Events[i] = NewEvent(a.Name(), e)
			}
			return page, nil
		}
		if stopped, err = a.waitForEvents(ctx, upTo, deadline, q.Stop); err != nil {
			return Events{}, err
		}
		after = upTo
	}
}

// waitForEvents waits until something has happened after a number, or a time has come, or it
// is stopped.
func (a *Account) waitForEvents(ctx context.Context, after int64, until time.Time,
	stop <-chan struct{}) (stopped bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-stop:
			return true, nil
		case <-time.After(min(eventsEvery, time.Until(until))):
		}
		if last, err := a.lastEvent.of(ctx, a); err != nil || last > after || !time.Now().Before(until) {
			return false, err
		}
	}
}

// lastEvent is the number of the last event, for many who wait for the next: the store is
// asked once for all of them.
type lastEvent struct {
	turn *semaphore.Weighted
	last int64
	at   time.Time
}

func (l *lastEvent) of(ctx context.Context, a *Account) (int64, error) {
	if err := l.turn.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	defer l.turn.Release(1)
	if time.Since(l.at) < eventsEvery/2 {
		return l.last, nil
	}
	ends, err := a.db.EventEnds(ctx, a.ID)
	if err != nil {
		return 0, err
	}
	l.last, l.at = ends.Last, time.Now()
	return l.last, nil
}

// parse reads the query; no types are all.
func (q EventQuery) parse() (after int64, types []string, err error) {
	after = store.FirstEvent
	if q.After != "" {
		if after, err = strconv.ParseInt(q.After, 10, 64); err != nil || after < 0 {
			err = &wxcast.BadInput{Key: "after", Problem: wxcast.Say("events.no_cursor", "value", q.After),
				Want: wxcast.Say("events.want_cursor")}
		}
	}
	types, typesErr := EventTypes("types", q.Types)
	return after, types, errors.Join(err, typesErr)
}

// EventTypes are the types that some patterns mean; none are all. key is where they stand.
func EventTypes(key string, patterns []string) (types []string, err error) {
	for _, pattern := range patterns {
		of := wxcast.EventTypesOf(strings.TrimSpace(pattern))
		if of == nil {
			return nil, &wxcast.BadInput{Key: key, Problem: wxcast.Say("events.no_type", "value", pattern),
				Want: suggest.For(pattern, wxcast.EventTypes)}
		}
		types = append(types, of...)
	}
	return types, nil
}

// Gone says that what was asked for is not kept any more.
type Gone struct{ wxcast.SaidError }

// gone says it of events.
func gone(err error) error {
	var e *wxcast.EventsGoneError
	if !errors.As(err, &e) {
		return err
	}
	after, first, last := strconv.FormatInt(e.After, 10), strconv.FormatInt(e.BeforeFirst, 10),
		strconv.FormatInt(e.Last, 10)
	if e.After > e.Last {
		return &Gone{*wxcast.NewError("events.ahead", "after", after, "last", last)}
	}
	return &Gone{*wxcast.NewError("events.gone", "after", after, "first", first)}
}

// EventGroup are the events of one transaction and of one type, as people look at them.
type EventGroup struct {
	wxcast.EventGroup
	Shown []Event // the first of them; a cursor of "0" has none yet
}

// EventGroups are the latest events before a row, or the latest of all for 0, the latest first; of
// some types as EventQuery has them. older is the row before which there are more; 0 for none.
// Audited: people's ids are in them.
func (a *Account) EventGroups(ctx context.Context, before int64, patterns []string,
	most int) (all []EventGroup, older int64, err error) {
	types, err := EventTypes("types", patterns)
	if err != nil {
		return nil, 0, err
	}
	all, err = audited(ctx, a, "list-events", strings.Join(patterns, ","), func(*entry) ([]EventGroup, error) {
		groups, next, err := a.db.LatestEvents(ctx, a.ID, before, types, most)
		older = next
		shown := make([]EventGroup, len(groups))
		for i, g := range groups {
			shown[i] = EventGroup{EventGroup: g}
			for _, e := range g.Events {
				shown[i].Shown = append(shown[i].Shown, NewEvent(a.Name(), e))
			}
		}
		return shown, err
	})
	return all, older, err
}
