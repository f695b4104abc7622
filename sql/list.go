package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const listBatch = 5000

// FindList returns the complete list with that content, if there is one. It is kept from now on for as
// long as a new one: who asks is about to use it.
func (db *DB) FindList(ctx context.Context, accountID int64, digest string, kind wxcast.ListKind) (l wxcast.List,
	found bool, err error) {
	var row struct {
		ID       int64
		RowCount int64 `db:"row_count"`
	}
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &row, db.q.FindList, accountID, digest, kind, db.Now())
	})
	switch {
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, ErrNotFound):
		return l, false, nil
	case err != nil:
		return l, false, fmt.Errorf("look up a list: %w", err)
	}
	return wxcast.List{ListRef: wxcast.ListRef{ID: row.ID, Kind: kind}, AccountID: accountID, Digest: digest,
		Rows: row.RowCount}, true, nil
}

// LoadList stores a list's rows, by batches, so that other work of the store goes on.
// It counts for nothing until it is complete. Errors are rows' own, or a
// *wxcast.DuplicateRowError.
func (db *DB) LoadList(ctx context.Context, accountID int64, digest string, kind wxcast.ListKind,
	rows func(yield func(wxcast.ListRow, error) bool)) (wxcast.List, error) {
	l := wxcast.List{ListRef: wxcast.ListRef{Kind: kind}, AccountID: accountID, Digest: digest}
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &l.ID, db.q.AddList, accountID, digest, kind, db.Now())
	})
	if err != nil {
		return l, fmt.Errorf("add a list: %w", err)
	}
	batch := make([]wxcast.ListRow, 0, listBatch)
	for row, err := range rows {
		if err != nil {
			return l, err
		}
		if batch = append(batch, row); len(batch) == listBatch {
			if err := db.addListRows(ctx, l, batch); err != nil {
				return l, err
			}
			batch = batch[:0]
		}
		l.Rows++
	}
	if err := db.addListRows(ctx, l, batch); err != nil {
		return l, err
	}
	if _, err := db.exec(ctx, db.q.CompleteList, accountID, l.ID, l.Rows); err != nil {
		return l, fmt.Errorf("complete a list: %w", err)
	}
	return l, nil
}

func (db *DB) addListRows(ctx context.Context, l wxcast.List, rows []wxcast.ListRow) error {
	if len(rows) == 0 {
		return nil
	}
	type listRow struct {
		ID   string `json:"id"`
		Line int    `json:"line"`
		Vars string `json:"vars"`
	}
	seen := make(map[string]int, len(rows))
	params := make([]listRow, len(rows))
	for i, r := range rows {
		if first, twice := seen[r.ID]; twice {
			return &wxcast.DuplicateRowError{ID: r.ID, Line: r.Line, First: first}
		}
		seen[r.ID] = r.Line
		params[i] = listRow{r.ID, r.Line, jsonParam(r.Vars)}
	}
	text := jsonParam(params)
	return db.tx(ctx, l.AccountID, func(tx *sqlx.Tx) error {
		var known struct {
			ID   string
			Line int
		}
		switch err := tx.GetContext(ctx, &known, db.q.FindListRow, l.AccountID, l.ID, text); {
		case err == nil:
			return &wxcast.DuplicateRowError{ID: known.ID, Line: seen[known.ID], First: known.Line}
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("look for rows of a list: %w", err)
		}
		if _, err := tx.ExecContext(ctx, db.q.AddListRows, l.AccountID, l.ID, text); err != nil {
			return fmt.Errorf("add rows to a list: %w", err)
		}
		return nil
	})
}
