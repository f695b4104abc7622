package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// eventsInRow are the events of one row at most, and rowsNumbered the rows that are numbered
	// in one transaction.
	eventsInRow, rowsNumbered = 500, 500
	// rowsRead are the rows that are read at a time: most hold few events, some hundreds.
	rowsRead = 50
)

// occurrence is what one event has of its own.
type occurrence struct {
	at   time.Time // zero for the moment at which it is told
	data []byte    // a JSON object; of a delivery see told.own
}

// happened is an event of this moment.
func happened(data any) occurrence { return occurrence{data: []byte(jsonParam(data))} }

// tell tells other systems what a transaction does, as part of it: events of a type, such as
// "message.sent". What they share is told once: a broadcast's outcomes are many.
func (db *DB) tell(ctx context.Context, tx *sqlx.Tx, accountID int64, eventType string, shared any,
	all ...occurrence) error {
	now := db.Now()
	for some := range slices.Chunk(all, eventsInRow) {
		own := make([]byte, 0, 80*len(some))
		for i, o := range some {
			before := int64(0)
			if !o.at.IsZero() {
				before = now.UnixMilli() - o.at.UnixMilli()
			}
			if i > 0 {
				own = append(own, ',')
			}
			own = append(strconv.AppendInt(append(own, '['), before, 10), ',')
			own = append(append(own, o.data...), ']')
		}
		if _, err := tx.ExecContext(ctx, db.q.AddEvents, accountID, now, eventType, jsonParam(shared),
			"["+string(own)+"]", len(some)); err != nil {
			return fmt.Errorf("tell of %d events: %w", len(some), err)
		}
	}
	return nil
}

// FirstEvent, in the place of a number, is before the first event that is kept.
const FirstEvent = -1

// Events returns the account's events after a number, in their order, at least so many where
// there are as many; of some types, or of all for nil. upTo is the number after which to ask
// next. It is a *wxcast.EventsGoneError where those that come next are not kept.
func (db *DB) Events(ctx context.Context, accountID, after int64, types []string,
	least int) (events []wxcast.Event, upTo int64, err error) {
	ends, err := db.EventEnds(ctx, accountID)
	if err != nil {
		return nil, 0, err
	}
	if after == FirstEvent {
		after = ends.BeforeFirst
	}
	if after > ends.Last || after < ends.BeforeFirst {
		return nil, 0, &wxcast.EventsGoneError{After: after, EventEnds: ends}
	}
	for upTo = after; upTo < ends.Last && len(events) < least; {
		var rows []eventRow
		if err := db.list(ctx, &rows, fmt.Sprintf(db.q.ListEvents, db.engine.elements("$4")), accountID, upTo,
			ends.Last,
			jsonParam(types), types == nil, rowsRead); err != nil {
			return nil, 0, fmt.Errorf("read events: %w", err)
		}
		for i := 0; i < len(rows) && len(events) < least; i++ {
			if events, err = rows[i].appendTo(events, after); err != nil {
				return nil, 0, err
			}
			upTo = rows[i].LastSeq
		}
		if len(rows) < rowsRead && (len(rows) == 0 || upTo == rows[len(rows)-1].LastSeq) {
			upTo = ends.Last // what follows is of other types
		}
	}
	return events, upTo, db.nameMessages(ctx, accountID, events)
}

// EventEnds returns the numbers of the events that are kept.
func (db *DB) EventEnds(ctx context.Context, accountID int64) (ends wxcast.EventEnds, err error) {
	if err = db.numberEvents(ctx, accountID); err == nil {
		err = db.get(ctx, &ends, db.q.EventEnds, accountID)
	}
	if err != nil {
		return ends, fmt.Errorf("look up the events: %w", err)
	}
	return ends, nil
}

// numberEvents gives numbers to the events that have none yet. Transactions end in another
// order than they begin: an event is numbered once it is there for all to see, so that none
// turns up behind a reader.
func (db *DB) numberEvents(ctx context.Context, accountID int64) error {
	for more := true; more; {
		if err := db.get(ctx, &more, db.q.AnyUnnumberedEvents, accountID); err != nil || !more {
			return err
		}
		err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
			more = false
			var last int64
			if err := tx.GetContext(ctx, &last, db.q.LockEventEnd, accountID); err != nil {
				return err
			}
			var numbers []int64
			if err := tx.SelectContext(ctx, &numbers, db.q.NumberEvents, accountID, last, rowsNumbered); err != nil ||
				len(numbers) == 0 {
				return err
			}
			more = len(numbers) == rowsNumbered
			_, err := tx.ExecContext(ctx, db.q.SetEventEnd, accountID, slices.Max(numbers))
			return err
		})
		if err != nil {
			return fmt.Errorf("number the events: %w", err)
		}
	}
	return nil
}

// eventRow holds the events of one transaction and of one type. Of each there are, as a JSON
// array, how many milliseconds before the row it happened, and its data.
type eventRow struct {
	Type        string
	At          time.Time
	Shared, Own string
	N           int64
	LastSeq     int64 `db:"last_seq"`
}

// appendTo adds the row's events after a number.
func (r eventRow) appendTo(events []wxcast.Event, after int64) ([]wxcast.Event, error) {
	var own [][]json.RawMessage
	err := json.Unmarshal([]byte(r.Own), &own)
	if err == nil && int64(len(own)) != r.N {
		err = errors.New("they are not as many as it says")
	}
	for i := 0; i < len(own) && err == nil; i++ {
		seq := r.LastSeq - r.N + 1 + int64(i)
		if seq <= after {
			continue
		}
		var before int64
		var data []byte
		if before, data, err = occurrenceOf(own[i]); err == nil {
			events = append(events, wxcast.Event{Seq: seq, Type: r.Type, Data: joined(data, []byte(r.Shared)),
				At: time.UnixMilli(r.At.UnixMilli() - before).UTC()})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the events up to %d: %w", r.LastSeq, err)
	}
	return events, nil
}

func occurrenceOf(own []json.RawMessage) (before int64, data []byte, err error) {
	if len(own) < 2 {
		return 0, nil, errors.New("one of them has no data")
	}
	if err := json.Unmarshal(own[0], &before); err != nil {
		return 0, nil, err
	}
	if own[1][0] == '{' {
		return before, own[1], nil
	}
	data, err = toldOf(own[1:])
	return before, data, err
}

// joined is one JSON object of two that have no key in common.
func joined(a, b []byte) json.RawMessage {
	switch empty := func(object []byte) bool { return string(object) == "null" || string(object) == "{}" }; {
	case empty(b):
		return a
	case empty(a):
		return b
	}
	return slices.Concat(a[:len(a)-1], []byte(","), b[1:])
}

// nameMessages adds to the events of messages what their callers know them by, while that is kept.
func (db *DB) nameMessages(ctx context.Context, accountID int64, events []wxcast.Event) error {
	type named struct {
		Key    string `json:"key,omitempty"`
		Preset string `json:"preset,omitempty"`
	}
	of := map[int64]*named{}
	ids := make([]int64, len(events))
	for i, e := range events {
		if strings.HasPrefix(e.Type, wxcast.EventsOfMessages+".") {
			var data struct {
				ID int64 `json:"id"`
			}
			if err := json.Unmarshal(e.Data, &data); err != nil {
				return fmt.Errorf("event %d: %w", e.Seq, err)
			}
			ids[i], of[data.ID] = data.ID, nil
		}
	}
	if len(of) == 0 {
		return nil
	}
	texts := make([]string, 0, len(of))
	for id := range of {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	var rows []struct {
		ID     int64
		Key    string `db:"message_key"`
		Preset string
	}
	if err := db.list(ctx, &rows, fmt.Sprintf(db.q.NameMessages, db.engine.oneOf("$2")), accountID,
		jsonParam(texts)); err != nil {
		return fmt.Errorf("look up the messages of events: %w", err)
	}
	for _, r := range rows {
		of[r.ID] = &named{keyOfCaller(r.Key), r.Preset}
	}
	for i, id := range ids {
		if n := of[id]; n != nil && *n != (named{}) {
			events[i].Data = joined(events[i].Data, []byte(jsonParam(n)))
		}
	}
	return nil
}
