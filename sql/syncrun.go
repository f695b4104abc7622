package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type syncRunRow struct {
	ID          int64
	AccountID   int64 `db:"account_id"`
	Mode        wxcast.SyncMode
	StartedAt   time.Time `db:"started_at"`
	Pages       int
	NextOpenID  wxcast.OpenID `db:"next_openid"`
	Listed      int64
	ListedAll   bool `db:"listed_all"`
	Total       int64
	Fetched     int `db:"fetched_pages"`
	Asked       int64
	New         int64 `db:"created"`
	Updated     int64
	Unfollowed  int64
	ListCalls   int64 `db:"list_calls"`
	DetailCalls int64 `db:"detail_calls"`
	SingleCalls int64 `db:"single_calls"`
}

func (r syncRunRow) run() wxcast.SyncRun {
	r.StartedAt = r.StartedAt.UTC()
	return wxcast.SyncRun(r)
}

// OpenSyncRun continues the account's unfinished run of that mode, if it began
// within maxAge, or starts a new one. Only the holder of the account's sync lock
// may call it.
func (db *DB) OpenSyncRun(ctx context.Context, accountID int64, mode wxcast.SyncMode,
	maxAge time.Duration) (run wxcast.SyncRun, resumed bool, err error) {
	now := db.Now()
	var row syncRunRow
	switch err := db.get(ctx, &row, db.q.OpenSyncRun, accountID, mode, now.Add(-maxAge)); {
	case err == nil:
		return row.run(), true, nil
	case !errors.Is(err, ErrNotFound):
		return run, false, fmt.Errorf("look for an unfinished sync: %w", err)
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.AbandonSyncRuns, accountID, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, db.q.DropStalePages, accountID); err != nil {
			return err
		}
		return tx.GetContext(ctx, &run.ID, db.q.AddSyncRun, accountID, mode, now)
	})
	if err != nil {
		return run, false, fmt.Errorf("start a sync: %w", err)
	}
	run.AccountID, run.Mode, run.StartedAt = accountID, mode, now
	return run, false, nil
}

// BaseSyncRun returns the run whose listing the account's followers agreed with
// when it ended; the zero run when there is none.
func (db *DB) BaseSyncRun(ctx context.Context, accountID int64) (wxcast.SyncRun, error) {
	var row syncRunRow
	if err := db.get(ctx, &row, db.q.GetBaseRun, accountID); err != nil && !errors.Is(err, ErrNotFound) {
		return wxcast.SyncRun{}, fmt.Errorf("look up the last complete listing: %w", err)
	}
	return row.run(), nil
}

// SyncRuns returns the account's latest runs, the latest first.
func (db *DB) SyncRuns(ctx context.Context, accountID int64, limit int) ([]wxcast.EndedSyncRun, error) {
	var rows []struct {
		syncRunRow
		FinishedAt sql.NullTime `db:"finished_at"`
		Outcome    string
	}
	if err := db.list(ctx, &rows, db.q.ListSyncRuns, accountID, limit); err != nil {
		return nil, fmt.Errorf("list sync runs: %w", err)
	}
	runs := make([]wxcast.EndedSyncRun, len(rows))
	for i, r := range rows {
		runs[i] = wxcast.EndedSyncRun{SyncRun: r.run(), FinishedAt: utc(r.FinishedAt), Outcome: r.Outcome}
	}
	return runs, nil
}

// SyncRun returns a run as it stands.
func (db *DB) SyncRun(ctx context.Context, id int64) (wxcast.SyncRun, error) {
	var row syncRunRow
	if err := db.get(ctx, &row, db.q.GetSyncRun, id); err != nil {
		return wxcast.SyncRun{}, fmt.Errorf("look up sync run %d: %w", id, err)
	}
	return row.run(), nil
}

// StoreListingPage stores one page of openids and moves the run's checkpoint
// behind it, both or neither.
func (db *DB) StoreListingPage(ctx context.Context, run wxcast.SyncRun, p wxcast.ListingPage) error {
	err := db.tx(ctx, run.AccountID, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.AddSyncPage, run.AccountID, run.ID, p.Number,
			joinOpenIDs(p.OpenIDs)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, db.q.AdvanceSyncRun, run.ID, p.Number, p.Next, len(p.OpenIDs), p.Total)
		return err
	})
	if err != nil {
		return fmt.Errorf("store page %d: %w", p.Number, err)
	}
	return nil
}

// ListingPage returns the openids of a stored page; none behind the last.
func (db *DB) ListingPage(ctx context.Context, run wxcast.SyncRun, page int) ([]wxcast.OpenID, error) {
	var text string
	switch err := db.get(ctx, &text, db.q.GetSyncPage, run.AccountID, run.ID, page); {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read page %d: %w", page, err)
	}
	return splitOpenIDs(text), nil
}

// joinOpenIDs writes a page as text; openids hold no space.
func joinOpenIDs(openids []wxcast.OpenID) string {
	var b strings.Builder
	for i, o := range openids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(o))
	}
	return b.String()
}

func splitOpenIDs(text string) []wxcast.OpenID {
	openids := make([]wxcast.OpenID, 0, strings.Count(text, " ")+1)
	for o := range strings.FieldsSeq(text) {
		openids = append(openids, wxcast.OpenID(o))
	}
	return openids
}

// EndListing records that the listing is complete, and how many calls it took
// that brought no page.
func (db *DB) EndListing(ctx context.Context, runID int64, emptyCalls int) error {
	_, err := db.exec(ctx, db.q.EndListing, runID, emptyCalls)
	return err
}

// unionIDSchedule is how long after the first, second, third and every later
// answer without a unionid a follower is asked again. A unionid appears when the
// account is bound to an Open Platform account, which happens once.
var unionIDSchedule = [4]time.Duration{20 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// WithoutUnionID pages through the current followers that have no unionid and are
// due to be asked for again, in openid order behind after.
func (db *DB) WithoutUnionID(ctx context.Context, accountID int64, after wxcast.OpenID,
	limit int) (openids []wxcast.OpenID, err error) {
	now := db.Now()
	args := []any{accountID, after}
	for _, wait := range unionIDSchedule {
		args = append(args, now.Add(-wait))
	}
	if err := db.list(ctx, &openids, db.q.WithoutUnionID, append(args, limit)...); err != nil {
		return nil, fmt.Errorf("list followers without unionid: %w", err)
	}
	return openids, nil
}

type followerStateRow struct {
	OpenID     wxcast.OpenID `db:"openid"`
	Subscribed bool
	Flipped    bool
}

// flippedPage is how many followers are read at a time.
const flippedPage = 50_000

// FollowerStates tells which of the openids are stored, and whether they follow.
func (db *DB) FollowerStates(ctx context.Context, accountID int64, openids []wxcast.OpenID) (map[wxcast.OpenID]bool,
	error) {
	var rows []followerStateRow
	if err := db.list(ctx, &rows, db.q.FollowerStates, accountID, jsonParam(openids)); err != nil {
		return nil, fmt.Errorf("look up %d followers: %w", len(openids), err)
	}
	states := make(map[wxcast.OpenID]bool, len(rows))
	for _, r := range rows {
		states[r.OpenID] = r.Subscribed
	}
	return states, nil
}

// FlippedFollowers yields the followers that came, left or came back between the
// start of the base and that of the run, and not since; but for those that stand in
// the base's listing, because that is where they came from. With the zero base they
// are all that the run found stored. No statement is open while one is looked at: that may
// take as long as WeChat's answers do.
func (db *DB) FlippedFollowers(ctx context.Context, base, run wxcast.SyncRun) iter.Seq2[wxcast.FollowerState, error] {
	return db.flippedFollowers(ctx, base, run, flippedPage)
}

func (db *DB) flippedFollowers(ctx context.Context, base, run wxcast.SyncRun,
	page int) iter.Seq2[wxcast.FollowerState, error] {
	return func(yield func(wxcast.FollowerState, error) bool) {
		give := func(rows []followerStateRow) bool {
			for _, r := range rows {
				if r.Flipped && !yield(wxcast.FollowerState{OpenID: r.OpenID, Subscribed: r.Subscribed}, nil) {
					return false
				}
			}
			return true
		}
		args := []any{run.AccountID, base.StartedAt.UTC(), run.StartedAt.UTC(), base.ID, page}
		var rows []followerStateRow
		err := db.list(ctx, &rows, db.q.FlippedFollowers, args...)
		if err == nil && len(rows) < page {
			give(rows)
			return
		}
		for after := wxcast.OpenID(""); err == nil; after = rows[len(rows)-1].OpenID {
			rows = rows[:0]
			if err = db.list(ctx, &rows, db.q.FlippedPage, append(args, after)...); err != nil {
				break
			}
			if !give(rows) || len(rows) < page {
				return
			}
		}
		yield(wxcast.FollowerState{}, fmt.Errorf("list changed followers: %w", err))
	}
}

// StoreFollowers writes a batch of current followers (each openid once) and of
// those who turned out to have left, and counts them in the run; all or nothing. What is known
// of a person since WeChat was asked stays.
func (db *DB) StoreFollowers(ctx context.Context, run wxcast.SyncRun, told wxcast.Told,
	p wxcast.SyncProgress) (unfollowed int64, err error) {
	err = db.tx(ctx, run.AccountID, func(tx *sqlx.Tx) error {
		now := db.Now()
		if len(told.Followers) > 0 {
			// In the order of the index, and of every other writer.
			slices.SortFunc(told.Followers, func(a, b wxcast.Follower) int {
				return strings.Compare(string(a.OpenID),
					string(b.OpenID))
			})
			if _, err := tx.ExecContext(ctx, db.q.UpsertFollowers, run.AccountID, now,
				jsonParam(followerRows(told.Followers)), run.ID, told.AskedAt.UTC()); err != nil {
				return err
			}
			if err := db.nameOptOuts(ctx, tx, run.AccountID, told.Followers); err != nil {
				return err
			}
			// The first to be listed have followed for long.
			var listed bool
			if err := tx.GetContext(ctx, &listed, db.q.AnyBaseRun, run.AccountID); err != nil {
				return err
			}
			if listed {
				if err := db.tellComers(ctx, tx, run.AccountID, now, told.Followers); err != nil {
					return err
				}
			}
		}
		unfollowed = 0
		if len(told.Gone) > 0 {
			if unfollowed, err = db.tellPeople(ctx, tx, run.AccountID, "unfollowed", db.q.Unfollow, run.AccountID, now,
				jsonParam(told.Gone), told.AskedAt.UTC()); err != nil {
				return err
			}
		}
		if len(told.Followers) > 0 || unfollowed > 0 {
			if _, err := tx.ExecContext(ctx, db.q.BumpPeople, run.AccountID); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, db.q.CountSyncRun, run.ID, p.Asked, p.New, p.Updated, unfollowed, p.DetailCalls,
			p.SingleCalls, p.Fetched)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("store followers: %w", err)
	}
	return unfollowed, nil
}

// FinishSyncRun closes a run. outcome is "done" or the sentence that says why it
// stopped for good. With isBase, followers and listing agree, and the next run
// compares its own listing with this one; without, the base stays what it was.
func (db *DB) FinishSyncRun(ctx context.Context, run wxcast.SyncRun, outcome string, isBase bool) error {
	err := db.tx(ctx, run.AccountID, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.FinishSyncRun, run.ID, db.Now(), outcome); err != nil {
			return err
		}
		if isBase {
			if _, err := tx.ExecContext(ctx, db.q.SetBaseRun, run.AccountID, run.ID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, db.q.DropStalePages, run.AccountID); err != nil {
			return err
		}
		what := "failed"
		if outcome == "done" {
			what = outcome
		}
		return db.tell(ctx, tx, run.AccountID, wxcast.EventsOfSyncs+"."+what, nil, happened(toldSync{run.ID, run.Mode}))
	})
	if err != nil {
		return fmt.Errorf("finish sync run %d: %w", run.ID, err)
	}
	return nil
}
