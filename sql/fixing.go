package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// fixTogether is for how long broadcasts are given their recipients' rows in one transaction before
// it ends: the first ones wait for the last.
const fixTogether = 20 * time.Millisecond

// FixRecipients gives the next recipients of a broadcast, in openid order, their delivery rows, as
// many as limit says, or fewer on SQLite, lest its other writers wait; and tells how many have
// theirs by now, and whether these are all of them. It goes on where it stopped. While another
// process is at that, it is wxcast.ErrBusy.
func (db *DB) FixRecipients(ctx context.Context, ref wxcast.BroadcastRef, limit int) (total int64, fixed bool,
	err error) {
	some, err := db.FixTogether(ctx, ref.AccountID, []int64{ref.ID}, limit)
	switch {
	case err != nil:
		return 0, false, err
	case some[0].Busy:
		return 0, false, fmt.Errorf("fix the recipients of broadcast %d: %w", ref.ID, wxcast.ErrBusy)
	}
	return some[0].Total, some[0].Fixed, nil
}

// FixTogether does the same for several broadcasts of an account in one transaction, each as many as
// limit says. It tells of as many of the first ones as it came to within a moment, one at least:
// where the people of one take long to find, those behind it wait for another call.
func (db *DB) FixTogether(ctx context.Context, accountID int64, ids []int64, limit int) (some []wxcast.Fixing,
	err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		if db.engine == Postgres {
			some, err = db.fixTogether(ctx, tx, accountID, ids, limit)
			return err
		}
		return db.fixing.run(func() (err error) {
			some, err = db.fixTogether(ctx, tx, accountID, ids, min(limit, db.fixing.size))
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("fix the recipients of broadcasts %d: %w", ids, err)
	}
	return some, nil
}

// fixingRow is how far a broadcast's recipients have their rows, and who they are.
type fixingRow struct {
	ID          int64
	MiniID      int64 `db:"mini_id"`
	Fixed       bool
	FixedTo     wxcast.Recipient `db:"fixed_to"`
	FixedCount  int64            `db:"fixed_count"`
	Audience    string
	CanaryShare float64 `db:"canary_share"`
	MessageKey  string  `db:"message_key"`
	Channel     string
}

// fixed is what one broadcast was given.
type fixed struct {
	id  int64
	to  wxcast.Recipient
	all bool
	n   int
}

func (db *DB) fixTogether(ctx context.Context, tx *sqlx.Tx, accountID int64, ids []int64, limit int) (
	some []wxcast.Fixing, err error) {
	begun := time.Now()
	rows, err := db.toFix(ctx, tx, accountID, ids)
	if err != nil {
		return nil, err
	}
	var given []fixed
	for i, id := range ids {
		if i > 0 && time.Since(begun) > fixTogether {
			break
		}
		row, ours := rows[id]
		if !ours || row.Fixed {
			some = append(some, wxcast.Fixing{Total: row.FixedCount, Fixed: row.Fixed, Busy: !ours})
			continue
		}
		f, err := db.fixRecipients(ctx, tx, accountID, row, limit)
		if err != nil {
			return nil, err
		}
		given = append(given, f)
		some = append(some, wxcast.Fixing{Total: row.FixedCount + int64(f.n), Fixed: f.all})
	}
	// The rows of the broadcasts are written last, and in the order of their ids as statements about many
	// write them: whoever pauses one waits for no other's people, and nobody waits in a circle.
	slices.SortFunc(given, func(a, b fixed) int { return cmp.Compare(a.id, b.id) })
	for _, f := range given {
		if _, err := tx.ExecContext(ctx, db.q.AdvanceFixing, accountID, f.id, f.to, f.all, f.n); err != nil {
			return nil, err
		}
	}
	return some, nil
}

// toFix are those of the broadcasts whose recipients nobody else is fixing, by their ids.
func (db *DB) toFix(ctx context.Context, tx *sqlx.Tx, accountID int64, ids []int64) (map[int64]fixingRow, error) {
	var ours []int64
	if err := tx.SelectContext(ctx, &ours, db.q.LockFixing, jsonParam(texts(ids))); err != nil {
		return nil, err
	}
	var rows []fixingRow
	if err := tx.SelectContext(ctx, &rows, fmt.Sprintf(db.q.GetFixing, db.engine.oneOf("$2")), accountID,
		jsonParam(texts(ours))); err != nil {
		return nil, err
	}
	if len(rows) < len(ours) {
		return nil, fmt.Errorf("one of broadcasts %d is not there: %w", ours, sql.ErrNoRows)
	}
	byID := make(map[int64]fixingRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID, nil
}

// fixRecipients gives the next recipients of one broadcast their rows.
func (db *DB) fixRecipients(ctx context.Context, tx *sqlx.Tx, accountID int64, b fixingRow, limit int) (fixed, error) {
	ref := wxcast.BroadcastRef{AccountID: accountID, ID: b.ID}
	var audience wxcast.Audience
	if err := json.Unmarshal([]byte(b.Audience), &audience); err != nil {
		return fixed{}, fmt.Errorf("the audience of broadcast %d: %w", b.ID, err)
	}
	if audience.Limit > 0 {
		limit = int(min(int64(limit), audience.Limit-b.FixedCount))
	}
	if limit > 0 {
		if err := db.fixNext(ctx, tx, ref, b, audience, limit); err != nil {
			return fixed{}, err
		}
	}
	var last struct {
		Recipient wxcast.Recipient
		N         int
	}
	if err := tx.GetContext(ctx, &last, db.q.LastFixed, accountID, b.ID, b.FixedTo); err != nil {
		return fixed{}, err
	}
	if !audience.MiniUsers { // those are never read side by side
		if err := db.learnDensity(ctx, tx, ref, b.MiniID, span{b.FixedTo, last.Recipient, last.N}); err != nil {
			return fixed{}, err
		}
	}
	// With a limit, the round that reaches it cannot tell; the next one can.
	return fixed{b.ID, max(last.Recipient, b.FixedTo), last.N < limit || limit <= 0, last.N}, nil
}

// fixNext adds the rows.
func (db *DB) fixNext(ctx context.Context, tx *sqlx.Tx, ref wxcast.BroadcastRef, b fixingRow, audience wxcast.Audience,
	limit int) error {
	q := db.newAudienceQuery(audience, "$4",
		ref.AccountID, b.MiniID, ref.ID, b.FixedTo, limit, int64(b.CanaryShare*(1<<32)), b.Channel)
	recipient := "f.openid"
	if audience.MiniUsers {
		recipient = "r.recipient"
	}
	canary := "4294967296" // nobody's
	if b.CanaryShare > 0 {
		canary = db.engine.hash32(q.value(b.MessageKey) + " || " + recipient)
	}
	fix := func() error {
		query, args := fmt.Sprintf(db.q.FixRecipients, q.vars, q.joins, q.where(), canary), q.args
		if audience.MiniUsers {
			m := db.newMiniQuery(audience, q.args...)
			query, args = fmt.Sprintf(db.q.FixPeople, q.vars, q.joins, q.where(), canary, m.vars, m.joins,
				m.where()), m.args
		}
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	if db.dense(ref) && plain(audience) {
		return db.inOrder(ctx, tx, fix)
	}
	return fix()
}
