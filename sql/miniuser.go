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
// whose unionid moved; in the mode Replace, it removes those that users lacks. Of a
// mini_openid that comes twice the last stands. All or nothing: an error, from
// users or of ours, leaves everything as it was.
func (db *DB) ImportMiniUsers(ctx context.Context, miniID int64, users iter.Seq2[wxcast.MiniUser, error],
	mode wxcast.ImportMode) (counts wxcast.ImportCounts, err error) {
	// Not db.tx: the input is a stream, which cannot be read again.
	tx, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return counts, fmt.Errorf("import: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, db.q.MakeImportStaging); err != nil {
		return counts, fmt.Errorf("import: %w", err)
	}
	if err := db.stageMiniUsers(ctx, tx, users); err != nil {
		return counts, err
	}
	if counts, err = db.mergeImport(ctx, tx, miniID, mode); err != nil {
		return counts, err
	}
	if err := tx.Commit(); err != nil {
		return counts, fmt.Errorf("import: %w", err)
	}
	return counts, nil
}

// mergeImport brings what is staged into the mini users.
func (db *DB) mergeImport(ctx context.Context, tx *sqlx.Tx, miniID int64,
	mode wxcast.ImportMode) (c wxcast.ImportCounts, err error) {
	for _, prepare := range []string{db.q.TuneJoin, db.q.IndexImportStaging, db.q.DedupeImport} {
		if _, err := tx.ExecContext(ctx, prepare); err != nil {
			return c, fmt.Errorf("prepare the import: %w", err)
		}
	}
	if err := tx.GetContext(ctx, &c, db.q.CountImport, miniID); err != nil {
		return c, fmt.Errorf("compare the import: %w", err)
	}
	if mode.Replace {
		if c.Removed, err = db.removeNotImported(ctx, tx, miniID, mode.MaxRemoveShare); err != nil {
			return c, err
		}
	}
	if _, err := tx.ExecContext(ctx, db.q.MergeImport, miniID, db.Now()); err != nil {
		return c, fmt.Errorf("merge the import: %w", err)
	}
	if c.Inserted+c.Updated+c.Removed > 0 {
		if _, err := tx.ExecContext(ctx, db.q.BumpPeople, miniID); err != nil {
			return c, fmt.Errorf("import: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, db.q.DropImportStaging); err != nil {
		return c, fmt.Errorf("import: %w", err)
	}
	return c, nil
}

func (db *DB) removeNotImported(ctx context.Context, tx *sqlx.Tx, miniID int64, maxShare float64) (int64, error) {
	var before int64
	if err := tx.GetContext(ctx, &before, db.q.CountMiniUsers, miniID); err != nil {
		return 0, fmt.Errorf("count mini users: %w", err)
	}
	res, err := tx.ExecContext(ctx, db.q.RemoveNotImported, miniID)
	if err != nil {
		return 0, fmt.Errorf("remove mini users: %w", err)
	}
	removed, err := res.RowsAffected()
	if err == nil && float64(removed) > maxShare*float64(before) {
		err = &wxcast.BadInput{
			Key: "replace", Problem: wxcast.Say("import.mass_removal", "removed", removed, "of", before),
			Want: wxcast.Say("import.want_complete"),
		}
	}
	return removed, err
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
