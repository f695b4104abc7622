package store

import (
	"context"
	"database/sql"
	"fmt"
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

// slotAhead is how far ahead a slot may lie that was taken by a clock that is right: workers
// take theirs a moment before it begins.
const slotAhead = 5 * time.Second

// inHand is more than the time of all messages that workers have in hand: after the clock has
// jumped nobody knows when that ends.
const inHand = time.Second

// pacer hands out a lane's time, one slot after another: the generic cell rate
// algorithm, with no burst. The app's row is locked as long as it is used.
type pacer struct {
	db   *DB
	tx   *sqlx.Tx
	lane wxcast.Lane
	now  time.Time

	next  time.Time // when the lane is free
	rate  float64   // of the lane: the highest of the broadcasts that run; 0 where none does
	share float64   // of the rate; below 1 after WeChat has asked us to slow down

	jumps bool // what is taken goes before what others were given: see take

	slotAt, shareAt sql.NullTime
	slotN           int64
	// notBelieved is how far ahead a slot lay that no clock could have given that is right.
	notBelieved time.Duration
}

// loadPacer reads a lane's row in a transaction that began at a time.
func (db *DB) loadPacer(ctx context.Context, tx *sqlx.Tx, accountID int64, lane wxcast.Lane, begun time.Time) (*pacer,
	error) {
	var row struct {
		Now     sql.NullTime
		SlotAt  sql.NullTime  `db:"slot_at"`
		SlotN   sql.NullInt64 `db:"slot_n"`
		Share   sql.NullFloat64
		ShareAt sql.NullTime `db:"share_at"`
		Rate    sql.NullFloat64
	}
	asked := time.Now()
	if err := tx.GetContext(ctx, &row, fmt.Sprintf(db.q.GetPacing, db.engine.clockColumn()), lane.AppID,
		lane.API, accountID); err != nil {
		return nil, err
	}
	p := &pacer{db: db, tx: tx, lane: lane, now: db.told(row.Now, asked), rate: row.Rate.Float64, share: 1,
		slotAt: row.SlotAt, slotN: row.SlotN.Int64, shareAt: row.ShareAt}
	if row.Share.Valid {
		p.share = row.Share.Float64
	}
	if p.share < 1 && p.now.Sub(utc(p.shareAt)) > quickenAfter {
		p.share, p.shareAt = min(1, p.share*quicken), nullTime(p.now)
	}
	if ahead := utc(row.SlotAt).Sub(p.now); row.SlotAt.Valid && ahead > slotAhead {
		p.notBelieved = ahead
	}
	if p.next = p.after(row.SlotAt, p.slotN, p.rate); row.SlotAt.Valid && (p.notBelieved > 0 ||
		db.ClockJumped().After(begun)) {
		p.next = p.now.Add(inHand)
		p.slotAt, p.slotN = nullTime(p.next), 0
		if _, err := tx.ExecContext(ctx, db.q.PutPacing, lane.AppID, lane.API, p.next, 0, p.share,
			p.shareAt); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// after is when the next slot begins behind one of n messages at that rate; now where there
// was none that can be believed. The rate is today's: a new one holds at once.
func (p *pacer) after(at sql.NullTime, n int64, rate float64) time.Time {
	if start := utc(at); at.Valid && rate > 0 && start.Sub(p.now) <= slotAhead {
		return start.Add(p.length(n, rate))
	}
	return p.now
}

// length is the time of n messages at that rate, as it is now.
func (p *pacer) length(n int64, rate float64) time.Duration {
	return time.Duration(float64(n) / (rate * p.share) * float64(time.Second))
}

// jumpMax is how far behind the time that others were given single messages must stay: what
// is more than a moment's is held to the rate, too.
const jumpMax = 500 * time.Millisecond

// take takes the lane's next free time for n messages, from earliest on. A broadcast that is
// slower than the lane has them spread over the time that they take at its own rate, behind
// its own last slot, and leaves the lane to others meanwhile.
func (p *pacer) take(ctx context.Context, n int, rate float64, earliest, own time.Time) (wxcast.Slot, error) {
	if p.rate == 0 { // the last broadcast has just ended
		p.rate, p.next = rate, p.after(p.slotAt, p.slotN, rate)
	}
	if p.jumps {
		return p.jump(ctx, n, rate, earliest)
	}
	begins := p.next
	if begins.Before(earliest) {
		begins = earliest
	}
	begins = begins.Truncate(time.Microsecond)
	slot := wxcast.Slot{Start: begins, Share: p.share, Rate: rate, Now: p.now}
	if slot.Start.Before(own) {
		slot.Start = own.Truncate(time.Microsecond)
	}
	slot.End = slot.Start.Add(p.length(int64(n), min(rate, p.rate))).Truncate(time.Microsecond)
	p.slotAt, p.slotN = nullTime(begins), int64(n)
	p.next = p.after(p.slotAt, p.slotN, p.rate)
	_, err := p.tx.ExecContext(ctx, p.db.q.PutPacing, p.lane.AppID, p.lane.API, begins, n, p.share, p.shareAt)
	return slot, err
}

// jump takes time for n messages from earliest on, whoever has it, and puts off what is given
// away next by as much: over any time that is longer than jumpMax, the rate holds.
func (p *pacer) jump(ctx context.Context, n int, rate float64, earliest time.Time) (wxcast.Slot, error) {
	begins := earliest
	if latest := p.next.Add(-jumpMax); latest.After(begins) {
		begins = latest
	}
	begins = begins.Truncate(time.Microsecond)
	slot := wxcast.Slot{Start: begins, Share: p.share, Rate: rate, Now: p.now}
	slot.End = begins.Add(p.length(int64(n), min(rate, p.rate))).Truncate(time.Microsecond)
	if p.next.After(begins) {
		begins = p.next
	}
	p.slotAt, p.slotN = nullTime(begins.Truncate(time.Microsecond)), int64(n)
	p.next = p.after(p.slotAt, p.slotN, p.rate)
	_, err := p.tx.ExecContext(ctx, p.db.q.PutPacing, p.lane.AppID, p.lane.API, utc(p.slotAt), n, p.share, p.shareAt)
	return slot, err
}

// TakeSlot gives a worker the lane's next free time for n messages of an account's broadcast of
// that rate, which begins no sooner than lead from now.
func (db *DB) TakeSlot(ctx context.Context, accountID int64, lane wxcast.Lane, n int, rate float64,
	lead time.Duration) (slot wxcast.Slot, err error) {
	ctx = within(ctx, hurried)
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		p, err := db.lockPacer(ctx, tx, accountID, lane, time.Now())
		if err != nil {
			return err
		}
		slot, err = p.take(ctx, n, rate, p.now.Add(lead), time.Time{})
		return err
	})
	return slot, err
}

// SlowDown halves the lane's pace, unless that was done a moment ago, and returns
// the share of the rate that is left. It quickens again by itself.
func (db *DB) SlowDown(ctx context.Context, accountID int64, lane wxcast.Lane) (share float64, err error) {
	ctx = within(ctx, hurried)
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		p, err := db.lockPacer(ctx, tx, accountID, lane, time.Now())
		if err != nil {
			return err
		}
		if p.now.Sub(utc(p.shareAt)) > slowAgain {
			p.share, p.shareAt = max(p.share/2, slowest), nullTime(p.now)
		}
		share = p.share
		at := utc(p.slotAt)
		if !p.slotAt.Valid {
			at = p.now
		}
		_, err = tx.ExecContext(ctx, db.q.PutPacing, lane.AppID, lane.API, at, p.slotN, p.share, p.shareAt)
		return err
	})
	return share, err
}

func (db *DB) lockPacer(ctx context.Context, tx *sqlx.Tx, accountID int64, lane wxcast.Lane, begun time.Time) (*pacer,
	error) {
	var locked int64
	if err := tx.GetContext(ctx, &locked, db.q.LockAccount, lane.AppID); err != nil {
		return nil, err
	}
	return db.loadPacer(ctx, tx, accountID, lane, begun)
}
