package wxcast

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is something that happened, as other systems are told of it.
type Event struct {
	Seq  int64           // its place in the account's order: 1, 2, 3 and so on
	Type string          // what it is about, and what happened: "message.sent"
	At   time.Time       // UTC, to the millisecond
	Data json.RawMessage // a JSON object
}

// EventEnds are the numbers of the account's events that are kept.
type EventEnds struct {
	BeforeFirst int64 `db:"before_first"` // a reader who has seen none asks for those after it
	Last        int64
}

// EventsGoneError is that events after a number cannot be told: they are not kept any more, or
// the store has never given that number.
type EventsGoneError struct {
	After int64
	EventEnds
}

func (e *EventsGoneError) Error() string { return e.Sentence().String() }

// Sentence says it for people.
func (e *EventsGoneError) Sentence() Sentence {
	if e.After > e.Last {
		return Say("events.ahead", "after", fmt.Sprint(e.After), "last", fmt.Sprint(e.Last))
	}
	return Say("events.gone", "after", fmt.Sprint(e.After), "first", fmt.Sprint(e.BeforeFirst))
}

// The kinds of events: the first part of their types.
const (
	EventsOfBroadcasts = "broadcast"
	EventsOfDeliveries = "delivery"
	EventsOfMessages   = "message"
	EventsOfFollowers  = "follower"
	EventsOfOptOuts    = "optout"
	EventsOfPermits    = "permit"
	EventsOfSyncs      = "sync"
	EventsOfReports    = "report"
)

// EventKinds are all kinds of events.
var EventKinds = []string{EventsOfBroadcasts, EventsOfDeliveries, EventsOfMessages, EventsOfFollowers, EventsOfOptOuts,
	EventsOfPermits, EventsOfSyncs, EventsOfReports}
