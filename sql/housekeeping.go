package store

import (
	"context"
	"fmt"
	"time"
)

const (
	// jobRunsKept and eventsKept are how long housekeeping leaves them; notices and the
	// audit log stay as long as job runs.
	jobRunsKept = 400 * 24 * time.Hour
	eventsKept  = 7 * 24 * time.Hour
	// commitsKept is far longer than a transaction is tried again.
	commitsKept = time.Hour
)

// KeepHouse removes what nobody needs any more, and returns how many rows.
func (db *DB) KeepHouse(ctx context.Context, accountID int64) (removed int64, err error) {
	ctx = within(ctx, unhurried)
	now := db.Now()
	for _, old := range []struct {
		query  string
		before time.Time
	}{{db.q.DropOldJobRuns, now.Add(-jobRunsKept)}, {db.q.DropOldEvents, now.Add(-eventsKept)},
		{db.q.DropOldNotices, now.Add(-jobRunsKept)}, {db.q.DropOldAudit, now.Add(-jobRunsKept)},
		{db.q.DropEarly, now.Add(-earlyKept)}, {db.q.DropOldBlocks, now.Add(-blockedFor)},
		{db.q.DropOldCommits, now.Add(-commitsKept)},
		{db.q.DropOldListRows, now.Add(-listKept)}, {db.q.DropOldLists, now.Add(-listKept)}} {
		rows, err := db.exec(ctx, old.query, accountID, old.before)
		if err != nil {
			return removed, fmt.Errorf("remove what is old: %w", err)
		}
		removed += rows
	}
	return removed, nil
}
