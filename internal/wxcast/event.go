package wxcast

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Event is something that happened, as other systems are told of it.
type Event struct {
	Seq  int64           // its place in the account's order: 1, 2, 3 and so on
	Type string          // what it is about, and what happened: "message.sent"
	At   time.Time       // UTC, to the millisecond
	Data json.RawMessage // a JSON object
}

// EventGroup are the events of one transaction and of one type, as people look at them.
type EventGroup struct {
	ID     int64
	Type   string
	At     time.Time // of the transaction, UTC
	N      int64     // how many they are
	Events []Event   // the first of them; their numbers are 0 while nobody has asked for them
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

func (e *EventsGoneError) Error() string {
	return fmt.Sprintf("events after %d are not kept: those after %d are, up to %d", e.After, e.BeforeFirst, e.Last)
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
	EventsOfVisits     = "visit"
	EventsOfGoals      = "goal"
)

// EventTypes are all types of events.
var EventTypes = []string{
	"broadcast.draft", "broadcast.scheduled", "broadcast.running", "broadcast.waiting", "broadcast.paused",
	"broadcast.done", "broadcast.cancelled",
	"delivery.sent", "delivery.failed", "delivery.skipped", "delivery.unknown", "delivery.receipt",
	"message.sent", "message.failed", "message.skipped", "message.unknown", "message.receipt",
	"follower.followed", "follower.unfollowed", "optout.added", "optout.removed", "permit.granted", "permit.refused",
	"sync.done", "sync.failed", "report.done", "visit.came", "goal.reached",
}

// EventTypesOf are the types that a pattern means: a type, a kind such as "message" or
// "message.*", or "*"; none where there is no such type.
func EventTypesOf(pattern string) (types []string) {
	kind := strings.TrimSuffix(pattern, ".*")
	for _, t := range EventTypes {
		if pattern == "*" || t == pattern || strings.HasPrefix(t, kind+".") {
			types = append(types, t)
		}
	}
	return types
}
