package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// allowance is how many calls today's quota still allows; read is false when
// WeChat has not been asked today, or must be asked again.
func (t *claimTx) allowance(ctx context.Context) (allowed int64, read bool, err error) {
	var row quotaRow
	err = t.tx.GetContext(ctx, &row, t.db.q.GetQuota, t.req.Lane.AppID, t.req.Lane.API, wxcast.DayOf(t.now))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case row.Doubtful:
		return 0, false, nil
	case row.DailyLimit == 0: // WeChat gives no information: no limit of ours
		return math.MaxInt64, true, nil
	}
	keep := t.req.QuotaKeep
	if !t.ofMessages() {
		keep += max(0, t.req.Reserve-row.Messages)
	}
	return max(0, row.DailyLimit-keep-row.atMost()), true, nil
}

const (
	// scarce is so little of the day's quota that the deliveries in doubt may need it all:
	// more than any few processes have at work when they die.
	scarce = 20_000
	// receiptComes is how long a receipt may take: most come within seconds.
	receiptComes = 30 * time.Second
	likelyLater  = time.Minute
	youngLater   = 2 * time.Second
)

// spare keeps what is left of the day's quota for the deliveries that a dead worker left in
// doubt, of whose people no receipt has come: tomorrow it would be too late to try them
// again. WeChat takes a repeat to those who have their message, and counts it; so while
// receipts come, nobody is tried again before theirs can have come. Whom it is too late to try
// again has an end, and keeps nobody waiting. It returns how many fresh deliveries may go.
func (t *claimTx) spare(ctx context.Context, c *wxcast.Claim, allowed int64) (fresh int64, err error) {
	if allowed >= scarce || t.req.Channel.NotesEach() { // what is in doubt is never tried again
		return allowed, nil
	}
	doubts, err := t.doubts(ctx)
	if err != nil {
		return 0, err
	}
	if late := t.now.Add(-t.req.Repeats); t.req.Repeats > 0 && doubts.N > 0 && doubts.Oldest.Time.Before(late) {
		closed, err := t.closeDoubts(ctx, t.req.Repeats, t.now)
		if err != nil {
			return 0, err
		}
		c.Unknown = int(closed)
		if doubts, err = t.doubts(ctx); err != nil {
			return 0, err
		}
	}
	if doubts.N <= allowed || allowed == 0 {
		return max(0, allowed-doubts.N), nil
	}
	since := doubts.Oldest.Time.UTC().Add(-receiptClock)
	if _, err := t.tx.ExecContext(ctx, t.db.q.DeferLikely, t.ref.AccountID, t.ref.ID, t.now, t.now.Add(likelyLater),
		since, t.req.Channel.Name); err != nil {
		return 0, err
	}
	var unheard int64
	if err := t.tx.GetContext(ctx, &unheard, t.db.q.UnheardDoubts, t.ref.AccountID, t.ref.ID, since,
		t.req.Channel.Name); err != nil ||
		unheard <= allowed {
		return allowed - unheard, err
	}
	var hears bool
	if err := t.tx.GetContext(ctx, &hears, t.db.q.HearsReceipts, t.ref.AccountID); err != nil || !hears {
		return 0, err
	}
	_, err = t.tx.ExecContext(ctx, t.db.q.DeferYoung, t.ref.AccountID, t.ref.ID, t.now, t.now.Add(youngLater),
		t.now.Add(-receiptComes), t.req.Channel.Name)
	return 0, err
}

// inDoubt are a broadcast's deliveries whose answer was lost.
type inDoubt struct {
	N      int64
	Oldest sql.NullTime // the first attempt at one of them
}

func (t *claimTx) doubts(ctx context.Context) (d inDoubt, err error) {
	err = t.tx.GetContext(ctx, &d, t.db.q.Doubts, t.ref.AccountID, t.ref.ID, t.req.Channel.Name)
	return d, err
}
