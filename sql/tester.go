package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type testerRow struct {
	OpenID wxcast.OpenID `db:"openid"`
	Since  time.Time
	Source string
}

func (r testerRow) tester() wxcast.Tester {
	return wxcast.Tester{OpenID: r.OpenID, Since: r.Since.UTC(), Source: r.Source}
}

// AddTesters makes testers of people, and tells how many are new. The account has at most
// wxcast.TestersMax: more are left out.
func (db *DB) AddTesters(ctx context.Context, accountID int64, openids []wxcast.OpenID,
	source string) (added int64, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		var locked int64
		if err := tx.GetContext(ctx, &locked, db.q.LockAccount, accountID); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, fmt.Sprintf(db.q.AddTesters, db.engine.elements("$4")), accountID, db.Now(),
			source, jsonParam(openids), wxcast.TestersMax)
		if err != nil {
			return err
		}
		added, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("add testers: %w", err)
	}
	return added, nil
}

// Testers are the account's, the longest first.
func (db *DB) Testers(ctx context.Context, accountID int64) ([]wxcast.Tester, error) {
	var rows []testerRow
	if err := db.list(ctx, &rows, db.q.ListTesters, accountID); err != nil {
		return nil, fmt.Errorf("list the testers: %w", err)
	}
	all := make([]wxcast.Tester, len(rows))
	for i, r := range rows {
		all[i] = r.tester()
	}
	return all, nil
}

// RemoveTesters takes people off the testers, and tells how many they were.
func (db *DB) RemoveTesters(ctx context.Context, accountID int64, openids []wxcast.OpenID) (int64, error) {
	n, err := db.exec(ctx, fmt.Sprintf(db.q.RemoveTesters, db.engine.elements("$2")), accountID, jsonParam(openids))
	if err != nil {
		return 0, fmt.Errorf("remove testers: %w", err)
	}
	return n, nil
}
