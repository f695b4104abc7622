package store

import (
	"context"
	"reflect"
	"time"
)

// PretendQuiet moves the account's last message into the past.
func (db *DB) PretendQuiet(ctx context.Context, accountID int64, by time.Duration) error {
	_, err := db.exec(ctx, db.q.PutPacing, accountID, db.Now().Add(-by))
	return err
}

// PrepareAll prepares every named query and returns the errors by name.
func (db *DB) PrepareAll(ctx context.Context) map[string]error {
	failed := map[string]error{}
	v := reflect.ValueOf(db.q)
	tx, err := db.write.Beginx()
	if err != nil {
		return map[string]error{"begin": err}
	}
	defer func() { _ = tx.Rollback() }()
	// The staging table exists during an import only.
	if _, err := tx.ExecContext(ctx, db.q.MakeImportStaging); err != nil {
		return map[string]error{"make-import-staging": err}
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("query")
		if name == "make-import-staging" {
			continue
		}
		if _, err := tx.ExecContext(ctx, "SAVEPOINT prepare"); err != nil {
			return map[string]error{name: err}
		}
		stmt, err := tx.PreparexContext(ctx, v.Field(i).String())
		if err != nil {
			failed[name] = err
			_, _ = tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT prepare")
			continue
		}
		_ = stmt.Close()
	}
	return failed
}
