package store

import (
	"context"
	"fmt"
	"iter"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// importBatch is how many mini users go to the staging table in one statement.
const importBatch = 2000

type miniUserRow struct {
	Line       int64             `json:"line"`
	MiniOpenID wxcast.MiniOpenID `json:"mini_openid"`
	UnionID    wxcast.UnionID    `json:"unionid"`
}

// ImportMiniUsers adds the mini users of one mini program, and changes those
// whose unionid moved. Of a mini_openid that comes twice the last stands. An
// error from users leaves everything as it was.
func (db *DB) ImportMiniUsers(ctx context.Context, miniID int64, users iter.Seq2[wxcast.MiniUser, error]) (inserted, updated int64, err error) {
	// Not db.tx: the input is a stream, which cannot be read again.
	tx, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return 0, 0, fmt.Errorf("import: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, db.q.MakeImportStaging); err != nil {
		return 0, 0, fmt.Errorf("import: %w", err)
	}
	if err := db.stageMiniUsers(ctx, tx, users); err != nil {
		return 0, 0, err
	}
	var counts struct{ Inserted, Updated int64 }
	if _, err := tx.ExecContext(ctx, db.q.IndexImportStaging); err != nil {
		return 0, 0, fmt.Errorf("import: %w", err)
	}
	if err := tx.GetContext(ctx, &counts, db.q.CountImport, miniID); err != nil {
		return 0, 0, fmt.Errorf("compare the import: %w", err)
	}
	if _, err := tx.ExecContext(ctx, db.q.MergeImport, miniID, db.Now()); err != nil {
		return 0, 0, fmt.Errorf("merge the import: %w", err)
	}
	if _, err := tx.ExecContext(ctx, db.q.DropImportStaging); err != nil {
		return 0, 0, fmt.Errorf("import: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, 0, fmt.Errorf("import: %w", err)
	}
	return counts.Inserted, counts.Updated, nil
}

func (db *DB) stageMiniUsers(ctx context.Context, tx *sqlx.Tx, users iter.Seq2[wxcast.MiniUser, error]) error {
	batch := make([]miniUserRow, 0, importBatch)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, db.q.StageMiniUsers, jsonParam(batch)); err != nil {
			return fmt.Errorf("stage the import: %w", err)
		}
		batch = batch[:0]
		return nil
	}
	var line int64
	for user, err := range users {
		if err != nil {
			return err
		}
		line++
		batch = append(batch, miniUserRow{line, user.MiniOpenID, user.UnionID})
		if len(batch) == importBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// CountMiniUsers counts the users of one mini program.
func (db *DB) CountMiniUsers(ctx context.Context, miniID int64) (n int64, err error) {
	if err := db.get(ctx, &n, db.q.CountMiniUsers, miniID); err != nil {
		return 0, fmt.Errorf("count mini users: %w", err)
	}
	return n, nil
}
