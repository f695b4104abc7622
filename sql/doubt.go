package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// BroadcastsInDoubt are the account's broadcasts that were paused or cancelled while it was
// open whether some of their messages were out, the oldest first.
func (db *DB) BroadcastsInDoubt(ctx context.Context, accountID int64) ([]wxcast.Broadcast, error) {
	return db.broadcasts(ctx, db.q.BroadcastsInDoubt, accountID)
}

// CloseDoubts ends the deliveries of a paused or cancelled broadcast as unknown that have
// been in doubt for longer than a time. A cancelled one with nothing in doubt any more is
// finished with that.
func (db *DB) CloseDoubts(ctx context.Context, ref wxcast.BroadcastRef, channel wxcast.Channel, lane wxcast.Lane,
	after time.Duration) error {
	ctx = within(ctx, hurried)
	err := db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) error {
		if err := db.lockBroadcast(ctx, tx, ref); err != nil {
			return err
		}
		var state wxcast.BroadcastState
		if err := tx.GetContext(ctx, &state, db.q.BroadcastState, ref.AccountID, ref.ID); err != nil ||
			!state.Stopped() {
			return err
		}
		now, err := db.nowIn(ctx, tx)
		if err != nil {
			return err
		}
		t := &claimTx{db: db, tx: tx, req: wxcast.ClaimRequest{Channel: channel, Lane: lane}, ref: ref, now: now}
		first, err := db.isFirst(ctx, tx, ref, channel)
		if err != nil {
			return err
		}
		if first {
			if err := t.reopenLapsed(ctx, &wxcast.Claim{}); err != nil {
				return err
			}
		}
		if _, err := t.closeDoubts(ctx, after, now.Add(longestRest)); err != nil {
			return err
		}
		if state == wxcast.BroadcastCancelled { // what no worker has in hand any more
			if err := db.returnHeld(ctx, tx, ref); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, db.q.FinishCancelled, ref.AccountID, ref.ID, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("close the doubts of broadcast %d: %w", ref.ID, err)
	}
	return nil
}

// closeDoubts ends what has been in doubt for longer than a time and is due until then, as unknown.
func (t *claimTx) closeDoubts(ctx context.Context, after time.Duration, due time.Time) (n int64, err error) {
	return t.db.ended(ctx, t.tx, t.ref.AccountID, wxcast.DeliveryUnknown, wxcast.ErrCodeTransport, t.db.q.CloseDoubts,
		t.ref.AccountID, t.ref.ID, t.now.Add(-after), wxcast.ErrCodeTransport,
		wxcast.Say("outcome.window_over").Kept(), t.req.Channel.Name, due)
}

// isFirst tells whether a channel is the first of a broadcast's: leases are of its messages.
func (db *DB) isFirst(ctx context.Context, tx *sqlx.Tx, ref wxcast.BroadcastRef, channel wxcast.Channel) (first bool,
	err error) {
	err = tx.GetContext(ctx, &first, db.q.IsFirstChannel, ref.AccountID, ref.ID, channel.Name)
	return first, err
}
