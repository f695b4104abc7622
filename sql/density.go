package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// denseMost is how many rows of followers and bridges may lie among each recipient's
	// where all of them are read. The next row in order costs the processor about a tenth
	// of the two look-ups by key that it saves; the disk, where the tables do not fit into
	// memory, as much as one of them.
	denseMost = 4
	// denseSample is the fewest recipients that tell.
	denseSample = 100
)

// dense tells whether a broadcast goes to so many of the account's followers, as one to
// everybody does, that Postgres is quicker in reading followers and bridges in openid
// order, side by side with the recipients, than in looking each up.
func (db *DB) dense(ref wxcast.BroadcastRef) bool {
	dense, _ := db.density.Load(ref)
	return dense == true
}

// span is some recipients in their order: n of them behind after, up to to.
type span struct {
	after, to wxcast.Recipient
	n         int
}

// learnDensity counts who lies among recipients just read, once for each broadcast:
// openids are random, so that one part of an account is like another.
func (db *DB) learnDensity(ctx context.Context, tx *sqlx.Tx, ref wxcast.BroadcastRef, miniID int64, s span) error {
	if _, known := db.density.Load(ref); known || db.engine != Postgres || s.n < denseSample {
		return nil
	}
	var among struct{ Followers, Bridges int }
	most := denseMost*s.n + 1
	if err := tx.GetContext(ctx, &among, db.q.CountAmong, ref.AccountID, miniID, s.after, s.to, most); err != nil {
		return err
	}
	db.density.Store(ref, among.Followers+among.Bridges < most)
	return nil
}

// plain tells whether nothing but followers and bridges is joined for an audience, for all of
// whom that order is right. Lists, other broadcasts and one person are looked up.
func plain(a wxcast.Audience) bool {
	return a.OpenID == "" && (a.Bridged == nil || *a.Bridged) && a.In == nil && len(a.NotIn) == 0 && a.Retry == nil &&
		len(a.NotOfBroadcasts) == 0 && a.NotMessagedSince.IsZero()
}

// inOrder runs one statement that joins tables in the order of their keys.
func (db *DB) inOrder(ctx context.Context, tx *sqlx.Tx, statement func() error) error {
	if _, err := tx.ExecContext(ctx, db.q.ReadInOrder); err != nil {
		return err
	}
	if err := statement(); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, db.q.LookUpByKey)
	return err
}
