package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// slowest is the smallest share of its rate that an account is slowed down to.
	slowest = 1.0 / 64
	// slowAgain is how long a slower pace is tried before it is halved again, and
	// quickenAfter how long it must do before it is raised, by quicken.
	slowAgain    = time.Second
	quickenAfter = 5 * time.Second
	quicken      = 1.25
)

// pacer hands out a lane's time, one slot after another: the generic cell rate
// algorithm, with no burst. The app's row is locked as long as it is used.
type pacer struct {
	db   *DB
	tx   *sqlx.Tx
	lane wxcast.Lane
	now  time.Time

	Next    time.Time    `db:"next_at"`
	Share   float64      // of the rate; below 1 after WeChat has asked us to slow down
	ShareAt sql.NullTime `db:"share_at"`
}

func (db *DB) loadPacer(ctx context.Context, tx *sqlx.Tx, lane wxcast.Lane, now time.Time) (*pacer, error) {
	p := &pacer{db: db, tx: tx, lane: lane, now: now, Next: now, Share: 1}
	if err := ignoreNoRows(tx.GetContext(ctx, p, db.q.GetPacing, lane.AppID, lane.API)); err != nil {
		return nil, err
	}
	if p.Share < 1 && now.Sub(utc(p.ShareAt)) > quickenAfter {
		p.Share, p.ShareAt = min(1, p.Share*quicken), nullTime(now)
	}
	return p, nil
}

// take takes the next free time of that length, from earliest on.
func (p *pacer) take(ctx context.Context, length time.Duration, earliest time.Time) (wxcast.Slot, error) {
	slot := wxcast.Slot{Start: p.Next.UTC(), Share: p.Share}
	if slot.Start.Before(earliest) {
		slot.Start = earliest
	}
	slot.Start = slot.Start.Truncate(time.Microsecond)
	slot.End = slot.Start.Add(length).Truncate(time.Microsecond)
	_, err := p.tx.ExecContext(ctx, p.db.q.PutPacing, p.lane.AppID, p.lane.API, slot.End, p.Share, p.ShareAt)
	return slot, err
}

// TakeSlot gives a worker the lane's next free time of that length, which begins
// no sooner than lead from now.
func (db *DB) TakeSlot(ctx context.Context, lane wxcast.Lane, length, lead time.Duration) (slot wxcast.Slot,
	err error) {
	ctx = within(ctx, hurried)
	err = db.tx(ctx, lane.AppID, func(tx *sqlx.Tx) error {
		p, err := db.lockPacer(ctx, tx, lane)
		if err != nil {
			return err
		}
		slot, err = p.take(ctx, length, p.now.Add(lead))
		return err
	})
	return slot, err
}

// SlowDown halves the lane's pace, unless that was done a moment ago, and returns
// the share of the rate that is left. It quickens again by itself.
func (db *DB) SlowDown(ctx context.Context, lane wxcast.Lane) (share float64, err error) {
	ctx = within(ctx, hurried)
	err = db.tx(ctx, lane.AppID, func(tx *sqlx.Tx) error {
		p, err := db.lockPacer(ctx, tx, lane)
		if err != nil {
			return err
		}
		if p.now.Sub(utc(p.ShareAt)) > slowAgain {
			p.Share, p.ShareAt = max(p.Share/2, slowest), nullTime(p.now)
		}
		share = p.Share
		_, err = tx.ExecContext(ctx, db.q.PutPacing, lane.AppID, lane.API, p.Next.UTC(), p.Share, p.ShareAt)
		return err
	})
	return share, err
}

func (db *DB) lockPacer(ctx context.Context, tx *sqlx.Tx, lane wxcast.Lane) (*pacer, error) {
	var locked int64
	if err := tx.GetContext(ctx, &locked, db.q.LockAccount, lane.AppID); err != nil {
		return nil, err
	}
	return db.loadPacer(ctx, tx, lane, db.Now())
}
