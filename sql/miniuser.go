package store

import (
	"context"
	"fmt"
	"iter"
	"time"

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
// whose unionid moved; in the mode Replace, it removes those that users lacks, but for who has
// logged in since the import began. Of a mini_openid that comes twice the last stands. An error
// of users, and a mode that forbids what they would do, leaves everything as it was; so does a
// crash on Postgres. On SQLite, where nobody else could write meanwhile, what was read goes in
// by small batches, and an import that was cut short is made whole by the next.
func (db *DB) ImportMiniUsers(ctx context.Context, accountID, miniID int64, users iter.Seq2[wxcast.MiniUser, error],
	mode wxcast.ImportMode) (counts wxcast.ImportCounts, err error) {
	im := &importing{DB: db, accountID: accountID, miniID: miniID, mode: mode, began: db.Now()}
	if db.engine == SQLite {
		err = im.byBatches(ctx, users)
	} else {
		err = im.atOnce(ctx, users)
	}
	if err != nil {
		return wxcast.ImportCounts{}, fmt.Errorf("import: %w", err)
	}
	return im.counts, nil
}

// importing is one import.
type importing struct {
	*DB
	accountID, miniID int64
	mode              wxcast.ImportMode
	began             time.Time
	counts            wxcast.ImportCounts
}

// stage reads all users into the staging table, and finds out what will change.
func (im *importing) stage(ctx context.Context, at querier, users iter.Seq2[wxcast.MiniUser, error]) error {
	if _, err := at.ExecContext(ctx, im.q.MakeImportStaging); err != nil {
		return err
	}
	if err := im.stageMiniUsers(ctx, at, users); err != nil {
		return err
	}
	for _, prepare := range []string{im.q.TuneJoin, im.q.IndexImportStaging, im.q.DedupeImport} {
		if _, err := at.ExecContext(ctx, prepare); err != nil {
			return err
		}
	}
	if err := at.GetContext(ctx, &im.counts, im.q.CountImport, im.miniID); err != nil {
		return err
	}
	if !im.mode.Replace {
		return nil
	}
	var before int64
	if err := at.GetContext(ctx, &before, im.q.CountMiniUsers, im.miniID); err != nil {
		return err
	}
	if err := at.GetContext(ctx, &im.counts.Removed, im.q.CountNotImported, im.miniID, im.began); err != nil {
		return err
	}
	if removed := im.counts.Removed; float64(removed) > im.mode.MaxRemoveShare*float64(before) {
		return &wxcast.BadInput{Key: "replace", Want: wxcast.Say("import.want_complete"),
			Problem: wxcast.Say("import.mass_removal", "removed", removed, "of", before)}
	}
	return nil
}

// atOnce imports in one transaction. It takes no lock before everything is read. It is not
// db.tx: the input is a stream, which cannot be read again.
func (im *importing) atOnce(ctx context.Context, users iter.Seq2[wxcast.MiniUser, error]) error {
	tx, err := im.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := im.stage(ctx, tx, users); err != nil {
		return err
	}
	if im.mode.Replace {
		if im.counts.Removed, err = execRows(ctx, tx, im.q.RemoveNotImported, im.miniID, im.began); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, im.q.MergeImport, im.miniID, im.Now()); err != nil {
		return err
	}
	if im.counts.Inserted+im.counts.Updated+im.counts.Removed > 0 {
		if _, err := tx.ExecContext(ctx, im.q.BumpPeople, im.miniID); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// byBatches reads everything into a table of a connection of its own, and then writes what
// differs by small batches: others' writes go on beside both.
func (im *importing) byBatches(ctx context.Context, users iter.Seq2[wxcast.MiniUser, error]) error {
	return im.aside(ctx, im.q.DropImportStaging, func(conn querier) error {
		if err := im.stage(ctx, conn, users); err != nil {
			return err
		}
		if err := im.put(ctx, conn); err != nil || !im.mode.Replace {
			return err
		}
		return im.remove(ctx, conn)
	})
}

// put writes the mini users that are new or changed.
func (im *importing) put(ctx context.Context, from querier) error {
	after := wxcast.MiniOpenID("")
	for batch := newLargeBatch(); ; {
		var page []struct {
			MiniOpenID wxcast.MiniOpenID `db:"mini_openid" json:"mini_openid"`
			UnionID    wxcast.UnionID    `db:"unionid" json:"unionid"`
		}
		if err := from.SelectContext(ctx, &page, im.q.ImportPage, im.miniID, after, batch.size); err != nil ||
			len(page) == 0 {
			return err
		}
		after = page[len(page)-1].MiniOpenID
		if err := batch.run(func() error {
			return im.change(ctx, im.q.PutMiniUsers, im.miniID, jsonParam(page), im.Now())
		}); err != nil {
			return err
		}
	}
}

// remove removes the mini users that the source lacks.
func (im *importing) remove(ctx context.Context, from querier) error {
	query := fmt.Sprintf(im.q.DropMiniUsers, im.engine.elements("$2"))
	after := ""
	for batch := newLargeBatch(); ; {
		var page []string
		if err := from.SelectContext(ctx, &page, im.q.NotImportedPage, im.miniID, im.began, after,
			batch.size); err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1]
		if err := batch.run(func() error {
			return im.change(ctx, query, im.miniID, jsonParam(page), im.began)
		}); err != nil {
			return err
		}
	}
}

// change makes one batch of changes, of which a join hears.
func (im *importing) change(ctx context.Context, query string, args ...any) error {
	return im.tx(ctx, im.accountID, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, im.q.BumpPeople, im.miniID)
		return err
	})
}

func (im *importing) stageMiniUsers(ctx context.Context, at querier, users iter.Seq2[wxcast.MiniUser, error]) error {
	batch := make([]miniUserRow, 0, importBatch)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if _, err := at.ExecContext(ctx, im.q.StageMiniUsers, jsonParam(batch)); err != nil {
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
