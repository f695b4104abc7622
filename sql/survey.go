package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Survey tells what there is to do of some of an account's broadcasts, in one look, for a
// process that holds those leases. Those that are final are not among them.
func (db *DB) Survey(ctx context.Context, accountID int64, ids, held []int64) ([]wxcast.Standing, error) {
	ctx = within(ctx, hurried)
	var rows []struct {
		ID       int64
		Channel  string
		Position int
		Runs     bool // the channel has not stopped
		State    wxcast.BroadcastState
		Rate     float64
		Priority int
		Canary   wxcast.CanaryState
		Until    sql.NullTime `db:"canary_until"`
		Fixed    bool
		SlotAt   sql.NullTime `db:"slot_at"`
		SlotN    int64        `db:"slot_n"`
		Takes    sql.NullTime `db:"takes_until"`
		Fresh    bool
		NextDue  sql.NullTime `db:"next_due"`
		Leased   bool
		Lapsed   bool // one of those, whose process is gone
		Alive    bool // one whose process is not
	}
	now := db.Now()
	query := fmt.Sprintf(db.q.Survey, db.engine.oneOf("$2"), db.engine.elements("$4"))
	if err := db.list(ctx, &rows, query, accountID, jsonParam(texts(ids)), now, jsonParam(texts(held))); err != nil {
		return nil, fmt.Errorf("survey the broadcasts: %w", err)
	}
	anyDue, firstRuns := map[int64]bool{}, map[int64]bool{} // by any channel of a broadcast that runs
	for _, r := range rows {
		anyDue[r.ID] = anyDue[r.ID] || r.Runs && r.NextDue.Valid
		firstRuns[r.ID] = firstRuns[r.ID] || r.Runs && r.Position == 0
	}
	all := make([]wxcast.Standing, len(rows))
	for i, r := range rows {
		s := wxcast.Standing{ID: r.ID, Channel: r.Channel, State: r.State, Rate: r.Rate, Priority: r.Priority}
		if r.SlotAt.Valid && r.Rate > 0 {
			s.Paced = utc(r.SlotAt).Add(time.Duration(float64(r.SlotN) / r.Rate * float64(time.Second)))
		}
		r.Fresh = r.Fresh && !r.Takes.Valid // single messages are due one by one
		if !firstRuns[r.ID] {
			// What waits for it is nothing to do, not even what was a dead process's: whoever claims
			// where there is nothing else finds that the broadcast stops with it.
			r.Fresh, r.Leased, r.Fixed = false, r.Alive, true
		}
		first, idle := r.Position == 0, !r.Fresh && !anyDue[r.ID] && !r.Leased
		switch {
		case idle && r.Takes.Valid:
			s.Due = utc(r.Takes).Add(takesLater)
		case first && (r.Lapsed || r.Fresh && r.Canary == wxcast.CanaryNone),
			r.Fixed && idle && r.Canary != wxcast.CanaryWaiting,
			r.Fixed && r.Canary == wxcast.CanarySending && !anyDue[r.ID] && !r.Leased:
			s.Due = now
		case r.Canary == wxcast.CanaryWaiting && !anyDue[r.ID]:
			s.Due = utc(r.Until)
		case r.NextDue.Valid:
			s.Due = utc(r.NextDue)
		}
		all[i] = s
	}
	return all, nil
}

func texts(ids []int64) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = strconv.FormatInt(id, 10)
	}
	return all
}
