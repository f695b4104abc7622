package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// tallySettles is how long after a broadcast's end its counts are kept at the earliest: by
// then nobody is in the middle of recording its last outcomes.
const tallySettles = time.Minute

// Tally counts a broadcast's deliveries by state, from the rows. The counts of one that is
// over are kept until one of its deliveries changes.
func (db *DB) Tally(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Tally, error) {
	t, err := db.tally(ctx, ref)
	if err != nil {
		return t, fmt.Errorf("count the deliveries of broadcast %d: %w", ref.ID, err)
	}
	return t, nil
}

func (db *DB) tally(ctx context.Context, ref wxcast.BroadcastRef) (t wxcast.Tally, err error) {
	var row broadcastRow
	if err := db.get(ctx, &row, db.q.GetBroadcast, ref.AccountID, ref.ID); err != nil {
		return t, err
	}
	switch b, err := row.broadcast(); {
	case err != nil:
		return t, err
	case b.Kept != nil:
		return *b.Kept, nil
	}
	if t, err = db.countDeliveries(ctx, ref); err != nil || !row.FinishedAt.Valid ||
		db.Now().Sub(row.FinishedAt.Time) < tallySettles {
		return t, err
	}
	_, err = db.exec(ctx, db.q.KeepTally, ref.AccountID, ref.ID, jsonParam(t), row.Changes)
	return t, err
}

// KeepTallies counts the deliveries of some of the account's broadcasts that have been over for a
// while, the latest first, so that nobody waits for it who looks at them. It ends after a span, or
// when all are counted.
func (db *DB) KeepTallies(ctx context.Context, accountID int64, over, span time.Duration) error {
	for until := time.Now().Add(span); ; {
		var ids []int64
		if err := db.list(ctx, &ids, db.q.UncountedBroadcasts, accountID, db.Now().Add(-max(over, tallySettles)),
			talliesAtOnce); err != nil {
			return fmt.Errorf("look for broadcasts to count: %w", err)
		}
		for _, id := range ids {
			if !time.Now().Before(until) {
				return nil
			}
			if _, err := db.Tally(ctx, wxcast.BroadcastRef{AccountID: accountID, ID: id}); err != nil {
				return err
			}
		}
		if len(ids) < talliesAtOnce {
			return nil
		}
	}
}

// talliesAtOnce is how many broadcasts are looked up at a time to be counted.
const talliesAtOnce = 20

func (db *DB) countDeliveries(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Tally, error) {
	var rows []struct {
		Channel   string
		Fell      string `db:"fell_through"`
		State     wxcast.DeliveryState
		ErrCode   int `db:"errcode"`
		Delivered sql.NullBool
		N         int64
	}
	t := wxcast.Tally{ByErrCode: map[int]int64{}, ByChannel: map[string]*wxcast.ChannelTally{}}
	if err := db.list(ctx, &rows, db.q.Tally, ref.AccountID, ref.ID); err != nil {
		return t, err
	}
	for _, r := range rows {
		t.Recipients += r.N
		by := t.Of(r.Channel)
		by.Recipients += r.N
		for fell := range strings.SplitSeq(r.Fell, ",") {
			channel, text, found := strings.Cut(fell, ":")
			if code, err := strconv.Atoi(text); found && err == nil {
				t.Of(channel).Fell(code, r.N)
			}
		}
		if r.Delivered.Bool {
			t.Delivered += r.N
			by.Delivered += r.N
		} else if r.Delivered.Valid {
			t.Undelivered += r.N
			by.Undelivered += r.N
		}
		switch r.State {
		case wxcast.DeliverySent:
			t.Sent += r.N
			by.Sent += r.N
		case wxcast.DeliveryFailed:
			t.Failed += r.N
			by.Failed += r.N
		case wxcast.DeliverySkipped:
			t.Skipped += r.N
			by.Skipped += r.N
		case wxcast.DeliveryUnknown:
			t.Unknown += r.N
			by.Unknown += r.N
		default:
			t.Pending += r.N
			by.Pending += r.N
			continue
		}
		if r.State != wxcast.DeliverySent {
			t.ByErrCode[r.ErrCode] += r.N
		}
	}
	return t, nil
}

// dropTallies is for a transaction that changes deliveries of broadcasts that may be over:
// their counts are to be made again.
func (db *DB) dropTallies(ctx context.Context, tx *sqlx.Tx, accountID int64, ids ...int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.DropTallies, db.engine.oneOf("$2")), accountID,
		jsonParam(texts(ids)))
	return err
}
