package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// AddAudit writes down that somebody is about to change something.
func (db *DB) AddAudit(ctx context.Context, accountID int64, e wxcast.AuditEntry) (id int64, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &id, db.q.AddAudit, accountID, db.Now(), e.Actor, e.Action, e.Target)
	})
	if err != nil {
		return 0, fmt.Errorf("write the audit log: %w", err)
	}
	return id, nil
}

// EndAudit writes down what it was about, and what came of it.
func (db *DB) EndAudit(ctx context.Context, id int64, target, outcome string) error {
	if _, err := db.exec(ctx, db.q.EndAudit, id, target, outcome); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// Audit reads an account's log, the latest first, from before an entry; 0 is the end.
func (db *DB) Audit(ctx context.Context, accountID, before int64, limit int) ([]wxcast.AuditEntry, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	var rows []struct {
		ID                             int64
		At                             time.Time
		Actor, Action, Target, Outcome string
	}
	if err := db.list(ctx, &rows, db.q.ListAudit, accountID, before, limit); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	all := make([]wxcast.AuditEntry, len(rows))
	for i, r := range rows {
		all[i] = wxcast.AuditEntry{ID: r.ID, At: r.At.UTC(), Actor: r.Actor, Action: r.Action, Target: r.Target,
			Outcome: r.Outcome}
	}
	return all, nil
}
