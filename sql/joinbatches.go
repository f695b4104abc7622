package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// pair is a follower and the mini user that they are.
type pair struct {
	OpenID     wxcast.OpenID     `db:"openid" json:"openid"`
	MiniOpenID wxcast.MiniOpenID `db:"mini_openid" json:"mini_openid"`
	UnionID    wxcast.UnionID    `db:"unionid" json:"unionid"`
	Known      bool              `db:"known" json:"-"` // they have a bridge, to another one
}

// joinByBatches finds out on a connection of its own who should be bridged, and then writes
// what differs by small batches: others' writes go on beside both. Whoever is forgotten, leaves
// or logs in meanwhile is looked at again as they are written, and by the next join.
func (db *DB) joinByBatches(ctx context.Context, accountID, miniID int64) (changes wxcast.BridgeChanges,
	c wxcast.Coverage, err error) {
	err = db.aside(ctx, db.q.DropPairs, func(conn querier) error {
		fresh, now, err := db.freshCoverage(ctx, conn, accountID, miniID)
		if err != nil {
			return err
		}
		if fresh != nil {
			c = wxcast.Coverage(*fresh)
			return nil
		}
		row, err := db.makePairs(ctx, conn, accountID, miniID)
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, db.q.IndexPairs); err != nil {
			return err
		}
		j := joining{db, conn, accountID, miniID, now}
		if err := j.takeDown(ctx, &changes); err != nil {
			return err
		}
		if err := j.build(ctx, &changes); err != nil {
			return err
		}
		if row, err = db.countCoverage(ctx, conn, accountID, miniID, row); err != nil {
			return err
		}
		c = wxcast.Coverage(row)
		return db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
			if _, err := tx.ExecContext(ctx, db.q.AddJoin, accountID, miniID); err != nil {
				return err
			}
			return db.putJoin(ctx, tx, accountID, miniID, now, row)
		})
	})
	return changes, c, err
}

// joining is a join by batches: the pairs are on conn.
type joining struct {
	*DB
	conn              querier
	accountID, miniID int64
	versions          peopleVersions // when the pairs were found
}

// build makes the bridges that lack, and changes those that lead to another mini user.
func (j joining) build(ctx context.Context, changes *wxcast.BridgeChanges) error {
	after := wxcast.OpenID("")
	for batch := newLargeBatch(); ; {
		var page []pair
		if err := j.conn.SelectContext(ctx, &page, j.q.PairsPage, j.accountID, j.miniID, after,
			batch.size); err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].OpenID
		if err := batch.run(func() error {
			return j.put(ctx, page)
		}); err != nil {
			return err
		}
		for _, p := range page {
			if p.Known {
				changes.Changed++
			} else {
				changes.New++
			}
		}
	}
}

// put makes bridges. Where people have changed since the pairs were found, each is looked at
// again: who was forgotten must not come back.
func (j joining) put(ctx context.Context, page []pair) error {
	return j.tx(ctx, j.accountID, func(tx *sqlx.Tx) error {
		var now peopleVersions
		if err := tx.GetContext(ctx, &now, j.q.PeopleVersions, j.accountID, j.miniID); err != nil {
			return err
		}
		query := j.q.PutBridges
		if now != j.versions {
			query = j.q.PutBridgesAgain
		}
		_, err := tx.ExecContext(ctx, query, j.accountID, j.miniID, jsonParam(page), j.Now())
		return err
	})
}

// takeDown removes the bridges of followers who are in no pair.
func (j joining) takeDown(ctx context.Context, changes *wxcast.BridgeChanges) error {
	after := wxcast.OpenID("")
	for batch := newLargeBatch(); ; {
		var page []pair
		if err := j.conn.SelectContext(ctx, &page, j.q.LooseBridgesPage, j.accountID, j.miniID, after,
			batch.size); err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].OpenID
		if err := batch.run(func() error {
			removed, err := j.exec(ctx, j.q.DropBridges, j.accountID, j.miniID, jsonParam(page))
			changes.Removed += removed
			return err
		}); err != nil {
			return err
		}
	}
}
