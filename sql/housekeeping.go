package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// commitsKept is far longer than a transaction is tried again.
	commitsKept = time.Hour
	// removedWithin is how long one batch may hold SQLite's one writer, and batchLeast and
	// batchMost are how few and how many rows it takes to keep to that.
	removedWithin = 50 * time.Millisecond
	// fixedWithin is how long a batch of a broadcast's recipients may: a caller waits meanwhile who
	// sends a single message.
	fixedWithin           = 10 * time.Millisecond
	batchLeast, batchMost = 50, 5000
)

// old is a kind of row that goes when it is old: old reads keys, in order, and each of drop
// removes rows by key. A drop that also takes the time, as one has to that may have changed
// since, has it as $3.
type old struct {
	kept  time.Duration // 0 is for ever
	first string        // before the first key
	old   string
	drop  []dropping
}

type dropping struct {
	query string
	timed bool // it takes the time before which a row is old
}

// KeepHouse removes what is older than it is to be kept, and returns how many rows; of the audit
// log TrimAudit does. It does so by small batches, so that others' writes go on.
func (db *DB) KeepHouse(ctx context.Context, accountID int64, keep wxcast.Retention) (removed int64, err error) {
	ctx = within(ctx, unhurried)
	q := db.q
	by := func(query string) []dropping { return []dropping{{query: query}} }
	timed := func(query string) []dropping { return []dropping{{query, true}} }
	for _, o := range []old{
		{keep.JobRuns, "0", q.OldJobRuns, by(q.DropJobRuns)},
		{keep.JobRuns, "0", q.OldSyncRuns, by(q.DropSyncRuns)},
		{keep.Notices, "0", q.OldNotices, by(q.DropNotices)},
		{keep.Events, "0", q.OldCallbacks, by(q.DropCallbacks)},
		{keep.SubscribeEvents, "0", q.OldSubscribeCallbacks, by(q.DropCallbacks)},
		{keep.FollowersGone, "", q.GoneFollowers, append(timed(q.DropGoneFollowers),
			append(by(q.DropLooseBridges), by(q.DropGoneTesters)...)...)},
		{earlyKept, "", q.OldEarly, timed(q.DropEarly)},
		{blockedFor, "", q.OldBlocks, timed(q.DropBlocks)},
	} {
		n, err := db.removeOld(ctx, accountID, o)
		if removed += n; err != nil {
			return removed, fmt.Errorf("remove what is old: %w", err)
		}
	}
	commits, err := db.removeBefore(ctx, q.DropOldCommits, accountID, db.Now().Add(-commitsKept))
	if removed += commits; err != nil {
		return removed, fmt.Errorf("remove old transactions' ids: %w", err)
	}
	if keep.Events > 0 {
		told, err := db.removeBefore(ctx, q.DropOldEvents, accountID, db.Now().Add(-keep.Events))
		if removed += told; err != nil {
			return removed, fmt.Errorf("remove old events: %w", err)
		}
	}
	if keep.Deliveries > 0 {
		for _, query := range []string{q.DropOldVisits, q.DropOldGoals} {
			old, err := db.removeBefore(ctx, query, accountID, db.Now().Add(-keep.Deliveries))
			if removed += old; err != nil {
				return removed, fmt.Errorf("remove old visits: %w", err)
			}
		}
	}
	if keep.Lists > 0 {
		files, err := db.removeBefore(ctx, q.DropOldDraftFiles, accountID, db.Now().Add(-keep.Lists))
		if removed += files; err != nil {
			return removed, fmt.Errorf("remove files of old drafts: %w", err)
		}
	}
	relays, err := db.removeBefore(ctx, q.DropOldRelays, accountID, db.Now().Add(-relaysKept))
	if removed += relays; err != nil {
		return removed, fmt.Errorf("remove old callbacks for others: %w", err)
	}
	lists, err := db.removeLists(ctx, accountID, keep.Lists)
	if removed += lists; err != nil {
		return removed, fmt.Errorf("remove old lists: %w", err)
	}
	deliveries, err := db.removeDeliveries(ctx, accountID, keep.Deliveries)
	if removed += deliveries; err != nil {
		return removed, fmt.Errorf("remove old deliveries: %w", err)
	}
	permits, err := db.removePermits(ctx, accountID, keep.Permits)
	if removed += permits; err != nil {
		return removed, fmt.Errorf("remove permits: %w", err)
	}
	if _, err := db.removeBefore(ctx, q.FreeMessageKeys, accountID, db.Now().Add(-messageKeyKept)); err != nil {
		return removed, fmt.Errorf("free the keys of messages: %w", err)
	}
	windows, err := db.removeBefore(ctx, q.DropClosedWindows, accountID, db.Now().Add(-windowsKept))
	if removed += windows; err != nil {
		return removed, fmt.Errorf("remove closed windows: %w", err)
	}
	if _, err := db.emptyLog(ctx); err != nil { // of who was forgotten while somebody read, too
		return removed, fmt.Errorf("empty the log: %w", err)
	}
	return removed, nil
}

// relaysKept is how long a callback waits for the system that it is passed on to: longer than
// that is tried.
const relaysKept = 4 * 24 * time.Hour

// windowsKept is how long a window that has closed is kept.
const windowsKept = 24 * time.Hour

// removePermits removes consents that were used up a while ago, and those that lapse.
func (db *DB) removePermits(ctx context.Context, accountID int64, lapse time.Duration) (removed int64, err error) {
	removed, err = db.removeBefore(ctx, db.q.DropSpentPermits, accountID, db.Now().Add(-spentKept))
	if err != nil || lapse == 0 {
		return removed, err
	}
	lapsed, err := db.removeBefore(ctx, db.q.DropLapsedPermits, accountID, db.Now().Add(-lapse))
	return removed + lapsed, err
}

// removeBefore removes what is older than a time.
func (db *DB) removeBefore(ctx context.Context, query string, accountID int64, before time.Time) (removed int64,
	err error) {
	for batch := newBatch(); ; {
		var n int64
		size := batch.size
		err := batch.run(func() (err error) { n, err = db.exec(ctx, query, accountID, before, size); return err })
		if removed += n; err != nil || n < int64(size) {
			return removed, err
		}
	}
}

func (db *DB) removeOld(ctx context.Context, accountID int64, o old) (removed int64, err error) {
	if o.kept == 0 {
		return 0, nil
	}
	before, after, batch := db.Now().Add(-o.kept), o.first, newBatch()
	for {
		var keys []string
		if err := db.list(ctx, &keys, o.old, accountID, before, after, batch.size); err != nil || len(keys) == 0 {
			return removed, err
		}
		after = keys[len(keys)-1]
		err := batch.run(func() error {
			for i, d := range o.drop {
				args := []any{accountID, jsonParam(keys)}
				if d.timed {
					args = append(args, before)
				}
				n, err := db.exec(ctx, fmt.Sprintf(d.query, db.engine.elements("$2")), args...)
				if err != nil {
					return err
				}
				if i == 0 {
					removed += n
				}
			}
			return nil
		})
		if err != nil {
			return removed, err
		}
	}
}

// TrimAudit removes entries of the audit log that are older than they are kept, up to the
// last that has none newer before it. Before that, mark has to put an entry with the action
// AuditTrimmed at the log's end that says up to which id: where there is none, the log was cut
// by somebody else.
func (db *DB) TrimAudit(ctx context.Context, accountID int64, kept time.Duration,
	mark func(to int64) error) (removed int64, err error) {
	ctx = within(ctx, unhurried)
	var to int64
	if kept == 0 {
		return 0, nil
	}
	err = db.get(ctx, &to, db.q.OldAuditTo, accountID, db.Now().Add(-kept))
	var first []auditRow
	if err == nil && to > 0 {
		err = db.list(ctx, &first, db.q.WalkAudit, accountID, 0, 1)
	}
	if err == nil && len(first) > 0 && first[0].Seq <= to {
		if err := mark(to); err != nil {
			return 0, err
		}
		removed, err = db.removeRowsOf(ctx, db.q.DropAudit, accountID, to)
	}
	if err != nil {
		return removed, fmt.Errorf("remove old entries of the audit log: %w", err)
	}
	return removed, nil
}

func (db *DB) removeLists(ctx context.Context, accountID int64, kept time.Duration) (removed int64, err error) {
	if kept == 0 {
		return 0, nil
	}
	ids, err := db.endLists(ctx, accountID, db.Now().Add(-kept))
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		n, err := db.removeRowsOf(ctx, db.q.DropListRows, accountID, id)
		if removed += n; err != nil {
			return removed, err
		}
		if _, err := db.exec(ctx, db.q.DropList, accountID, id); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// endLists are the lists that nobody needs who asked for them after that. Nobody finds them from then on.
func (db *DB) endLists(ctx context.Context, accountID int64, before time.Time) (ids []int64, err error) {
	var some bool
	if err := db.get(ctx, &some, db.q.AnyOldList, accountID, before); err != nil || !some {
		return nil, err
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		ids = ids[:0]
		return tx.SelectContext(ctx, &ids, db.q.EndOldLists, accountID, before)
	})
	return ids, err
}

// removeDeliveries removes the deliveries of broadcasts that were over long ago. Their counts
// are kept first.
func (db *DB) removeDeliveries(ctx context.Context, accountID int64, kept time.Duration) (removed int64, err error) {
	if kept == 0 {
		return 0, nil
	}
	var ids []int64
	if err := db.list(ctx, &ids, db.q.OldBroadcasts, accountID, db.Now().Add(-kept)); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := db.Tally(ctx, wxcast.BroadcastRef{AccountID: accountID, ID: id}); err != nil {
			return removed, err
		}
		if marked, err := db.exec(ctx, db.q.MarkEmptied, accountID, id, db.Now()); err != nil {
			return removed, err
		} else if marked == 0 {
			continue // a delivery changed just now: the next time
		}
		if _, err := db.exec(ctx, db.q.DropBroadcastFiles, accountID, id); err != nil {
			return removed, err
		}
		if err := db.removeMessages(ctx, accountID, id); err != nil {
			return removed, err
		}
		n, err := db.removeRowsOf(ctx, db.q.DropDeliveries, accountID, id)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// removeRowsOf removes all rows of a list or a broadcast.
func (db *DB) removeRowsOf(ctx context.Context, query string, accountID, id int64) (removed int64, err error) {
	for batch := newBatch(); ; {
		var n int64
		size := batch.size
		err := batch.run(func() (err error) { n, err = db.exec(ctx, query, accountID, id, size); return err })
		if removed += n; err != nil || n < int64(size) {
			return removed, err
		}
	}
}

// batch is how many rows are written at a time: as many as take within.
type batch struct {
	size, most int
	within     time.Duration
}

func newBatch() *batch { return &batch{4 * batchLeast, batchMost, removedWithin} }

func (b *batch) run(write func() error) error {
	began := time.Now()
	err := write()
	switch took := time.Since(began); {
	case took > b.within:
		b.size = max(b.size/2, batchLeast)
	case took < b.within/2:
		b.size = min(b.size*2, b.most)
	}
	return err
}
