package store

import (
	"context"
	"fmt"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// eventsSearched bounds how many rows a look at the latest events goes through for its types.
	eventsSearched = 20_000
	// eventsOfGroup is how many events of a transaction are shown.
	eventsOfGroup = 20
)

// LatestEvents are the account's events before a row, or the latest for 0, the latest first: of
// some types, or of all for nil; at most so many transactions'. older is the row before which
// there may be more, 0 for none. It gives no numbers, and waits for no lock.
func (db *DB) LatestEvents(ctx context.Context, accountID, before int64, types []string,
	most int) (groups []wxcast.EventGroup, older int64, err error) {
	fail := func(err error) ([]wxcast.EventGroup, int64, error) {
		return nil, 0, fmt.Errorf("read the latest events: %w", err)
	}
	var ids struct{ First, Last int64 }
	if err := db.get(ctx, &ids, db.q.EventIDs, accountID); err != nil {
		return fail(err)
	}
	if before == 0 || before > ids.Last {
		before = ids.Last + 1
	}
	from := max(before-eventsSearched, ids.First)
	var rows []struct {
		ID int64
		eventRow
	}
	if err := db.list(ctx, &rows, fmt.Sprintf(db.q.LatestEvents, db.engine.elements("$4")), accountID, before, from,
		jsonParam(types), types == nil, most); err != nil {
		return fail(err)
	}
	for _, r := range rows {
		events, err := r.appendTo(nil, r.LastSeq-r.N)
		if err != nil {
			return fail(err)
		}
		events = events[:min(len(events), eventsOfGroup)]
		if r.LastSeq == 0 {
			for i := range events {
				events[i].Seq = 0
			}
		}
		groups = append(groups, wxcast.EventGroup{ID: r.ID, Type: r.Type, At: r.At.UTC(), N: r.N, Events: events})
	}
	switch {
	case len(rows) == most && rows[most-1].ID > ids.First:
		older = rows[most-1].ID
	case len(rows) < most && from > ids.First:
		older = from
	}
	return groups, older, nil
}
