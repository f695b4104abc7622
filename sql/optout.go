package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// AddOptOuts puts people on the account's opt-out list, by openid, unionid or mini_openid.
// added counts those who were not on it; unknown are ids that are no follower's yet: they
// are on it, too, and count when somebody with such an id follows.
//
// A person is known by their unionid, too, in all accounts of the store: they stay on the list
// when their openid changes, and get nothing from another account of the same Open Platform
// account.
func (db *DB) AddOptOuts(ctx context.Context, accountID int64, ids []string, source string) (added int64,
	unknown []string, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		unknown = unknown[:0]
		if err := tx.SelectContext(ctx, &unknown, db.q.UnknownIDs, accountID, jsonParam(ids)); err != nil {
			return err
		}
		if added, err = db.optOut(ctx, tx, accountID, ids, source); err != nil {
			return err
		}
		return db.inOtherAccounts(ctx, tx, accountID, ids, func(other int64, unionids []string) error {
			_, err := db.optOut(ctx, tx, other, unionids, source)
			return err
		})
	})
	if err != nil {
		return 0, nil, fmt.Errorf("add to the opt-out list: %w", err)
	}
	return added, unknown, nil
}

// optOut puts people on one account's list, and returns how many were not on it.
func (db *DB) optOut(ctx context.Context, tx *sqlx.Tx, accountID int64, ids []string, source string) (added int64,
	err error) {
	now := db.Now()
	var new []string
	if err := tx.SelectContext(ctx, &new, db.q.AddOptOuts, accountID, now, source, jsonParam(ids)); err != nil {
		return 0, err
	}
	added = int64(len(new))
	if err := db.tellOptOuts(ctx, tx, accountID, "added", source, new); err != nil {
		return 0, err
	}
	unionids, err := db.unionIDsOf(ctx, tx, accountID, ids)
	if err != nil || len(unionids) == 0 {
		return added, err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf(db.q.AddOptOutsBeside, db.engine.elements("$4")), accountID, now, source,
		jsonParam(unionids))
	return added, err
}

func (db *DB) unionIDsOf(ctx context.Context, tx *sqlx.Tx, accountID int64, ids []string) (unionids []string,
	err error) {
	query := fmt.Sprintf(db.q.UnionIDsOf, db.engine.elements("$2"))
	err = tx.SelectContext(ctx, &unionids, query, accountID, jsonParam(ids))
	return unionids, err
}

// nameOptOuts keeps the unionids of followers who are on the list, when they become known.
func (db *DB) nameOptOuts(ctx context.Context, tx *sqlx.Tx, accountID int64, followers []wxcast.Follower) error {
	var is struct {
		Any       bool `db:"any_optouts"`
		Forgotten bool
	}
	if err := tx.GetContext(ctx, &is, db.q.AnyOptOuts, accountID); err != nil || !is.Any {
		return err
	}
	if is.Forgotten {
		if err := db.remember(ctx, tx, accountID, followers); err != nil {
			return err
		}
	}
	openids := make([]wxcast.OpenID, len(followers))
	for i, f := range followers {
		openids[i] = f.OpenID
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.NameOptOuts, db.engine.elements("$2")), accountID,
		jsonParam(openids))
	return err
}

// forgottenAs is what stands on the list in place of the id of somebody who was forgotten.
func forgottenAs(id string) string {
	sum := sha256.Sum256([]byte("wxcast opt-out " + id))
	return "forgotten:" + hex.EncodeToString(sum[:])
}

// remember puts those on the list again who asked for no more messages, were forgotten, and
// have come back.
func (db *DB) remember(ctx context.Context, tx *sqlx.Tx, accountID int64, followers []wxcast.Follower) error {
	of := map[string]wxcast.OpenID{}
	hashes := make([]string, 0, 2*len(followers))
	for _, f := range followers {
		for _, id := range []string{string(f.OpenID), string(f.UnionID)} {
			if id != "" {
				hash := forgottenAs(id)
				of[hash] = f.OpenID
				hashes = append(hashes, hash)
			}
		}
	}
	var found []string
	if err := tx.SelectContext(ctx, &found, fmt.Sprintf(db.q.ForgottenAmong, db.engine.elements("$2")), accountID,
		jsonParam(hashes)); err != nil || len(found) == 0 {
		return err
	}
	back := make([]string, len(found))
	for i, hash := range found {
		back[i] = string(of[hash])
	}
	_, err := db.optOut(ctx, tx, accountID, back, "before they were forgotten")
	return err
}

// inOtherAccounts does something with an account's people in each other account of the store.
func (db *DB) inOtherAccounts(ctx context.Context, tx *sqlx.Tx, accountID int64, ids []string,
	do func(other int64, unionids []string) error) error {
	var others []int64
	if err := tx.SelectContext(ctx, &others, db.q.OtherAccounts, accountID); err != nil || len(others) == 0 {
		return err
	}
	unionids, err := db.unionIDsOf(ctx, tx, accountID, ids)
	if err != nil || len(unionids) == 0 {
		return err
	}
	for _, other := range others {
		if err := do(other, unionids); err != nil {
			return err
		}
	}
	return nil
}

// RemoveOptOuts takes people off the opt-out list, by openid or unionid; off those of the
// other accounts, too, where they are known there.
func (db *DB) RemoveOptOuts(ctx context.Context, accountID int64, ids []string) (removed int64, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		if removed, err = db.endOptOuts(ctx, tx, accountID, ids); err != nil {
			return err
		}
		return db.inOtherAccounts(ctx, tx, accountID, ids, func(other int64, unionids []string) error {
			_, err := db.endOptOuts(ctx, tx, other, unionids)
			return err
		})
	})
	if err != nil {
		return 0, fmt.Errorf("remove from the opt-out list: %w", err)
	}
	return removed, nil
}

// endOptOuts takes people off one account's list, and returns how many stood on it.
func (db *DB) endOptOuts(ctx context.Context, tx *sqlx.Tx, accountID int64, ids []string) (int64, error) {
	var rows []struct {
		ID     string
		Beside bool
	}
	if err := tx.SelectContext(ctx, &rows, db.q.RemoveOptOuts, accountID, jsonParam(ids)); err != nil {
		return 0, err
	}
	var removed []string
	hashes := make([]string, 0, len(ids)+len(rows))
	for _, id := range ids {
		hashes = append(hashes, forgottenAs(id))
	}
	for _, r := range rows {
		hashes = append(hashes, forgottenAs(r.ID))
		if !r.Beside {
			removed = append(removed, r.ID)
		}
	}
	// What they had said before they were forgotten counts no more, either.
	rows = rows[:0]
	if err := tx.SelectContext(ctx, &rows, db.q.RemoveOptOuts, accountID, jsonParam(hashes)); err != nil {
		return 0, err
	}
	return int64(len(removed)), db.tellOptOuts(ctx, tx, accountID, "removed", "", removed)
}

// OptOuts pages through the opt-out list in the order of the ids behind after.
func (db *DB) OptOuts(ctx context.Context, accountID int64, after string, limit int) ([]wxcast.OptOut, error) {
	var rows []struct {
		ID     string
		Since  time.Time
		Source string
	}
	if err := db.list(ctx, &rows, db.q.ListOptOuts, accountID, after, limit); err != nil {
		return nil, fmt.Errorf("read the opt-out list: %w", err)
	}
	all := make([]wxcast.OptOut, len(rows))
	for i, r := range rows {
		all[i] = wxcast.OptOut{ID: r.ID, Since: r.Since.UTC(), Source: r.Source}
	}
	return all, nil
}
