package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type draftRow struct {
	ID        int64
	Spec      string
	Version   int64
	Makers    string
	CreatedAt time.Time `db:"created_at"`
	ChangedAt time.Time `db:"changed_at"`
}

func (r draftRow) draft() (wxcast.Draft, error) {
	d := wxcast.Draft{ID: r.ID, Spec: r.Spec, Version: r.Version, CreatedAt: r.CreatedAt.UTC(),
		ChangedAt: r.ChangedAt.UTC()}
	if err := json.Unmarshal([]byte(r.Makers), &d.Makers); err != nil {
		return d, fmt.Errorf("read the makers of draft %d: %w", r.ID, err)
	}
	return d, nil
}

// AddDraft keeps a draft with its files, and returns its number.
func (db *DB) AddDraft(ctx context.Context, accountID int64, spec string, makers []string,
	files map[string][]byte) (id int64, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		now := db.Now()
		if err := tx.GetContext(ctx, &id, db.q.AddDraft, accountID, spec, jsonParam(makers), now); err != nil {
			return err
		}
		for name, content := range files {
			if _, err := tx.ExecContext(ctx, db.q.PutDraftFile, accountID, id, name, content, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("keep a draft: %w", err)
	}
	return id, nil
}

// Drafts lists an account's drafts without their files, the latest first.
func (db *DB) Drafts(ctx context.Context, accountID int64, limit int) ([]wxcast.Draft, error) {
	var rows []draftRow
	if err := db.list(ctx, &rows, db.q.ListDrafts, accountID, limit); err != nil {
		return nil, fmt.Errorf("list drafts: %w", err)
	}
	all := make([]wxcast.Draft, len(rows))
	for i, r := range rows {
		var err error
		if all[i], err = r.draft(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Draft returns one draft, or ErrNotFound.
func (db *DB) Draft(ctx context.Context, accountID, id int64) (wxcast.Draft, error) {
	var row draftRow
	if err := db.get(ctx, &row, db.q.GetDraft, accountID, id); err != nil {
		return wxcast.Draft{}, fmt.Errorf("look up draft %d: %w", id, err)
	}
	d, err := row.draft()
	if err != nil {
		return d, err
	}
	if err := db.list(ctx, &d.Files, db.q.ListDraftFiles, accountID, id); err != nil {
		return d, fmt.Errorf("list the files of draft %d: %w", id, err)
	}
	return d, nil
}

// ChangeDraft changes a version of a draft; false means that it is another one by now.
func (db *DB) ChangeDraft(ctx context.Context, accountID int64, d wxcast.Draft) (bool, error) {
	rows, err := db.execOnce(ctx, accountID, db.q.ChangeDraft, accountID, d.ID, d.Version, d.Spec, jsonParam(d.Makers),
		db.Now())
	if err != nil {
		return false, fmt.Errorf("change draft %d: %w", d.ID, err)
	}
	return rows == 1, nil
}

// DropDraft removes a version of a draft with its files; another version stays.
func (db *DB) DropDraft(ctx context.Context, accountID, id, version int64) error {
	err := db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		rows, err := execRows(ctx, tx, db.q.DropDraft, accountID, id, version)
		if err != nil || rows == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, db.q.DropDraftFiles, accountID, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove draft %d: %w", id, err)
	}
	return nil
}

// PutDraftFile keeps a file of a version of a draft, in place of one with that name; false means
// that the draft is another version by now.
func (db *DB) PutDraftFile(ctx context.Context, accountID int64, d wxcast.Draft, name string,
	content []byte) (changed bool, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		now := db.Now()
		rows, err := execRows(ctx, tx, db.q.ChangeDraft, accountID, d.ID, d.Version, d.Spec, jsonParam(d.Makers), now)
		if changed = rows == 1; err != nil || !changed {
			return err
		}
		_, err = tx.ExecContext(ctx, db.q.PutDraftFile, accountID, d.ID, name, content, now)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("keep the file %q of draft %d: %w", name, d.ID, err)
	}
	return changed, nil
}

// DraftFile is what a file of a draft holds.
func (db *DB) DraftFile(ctx context.Context, accountID, id int64, name string) (content []byte, err error) {
	if err := db.get(ctx, &content, db.q.GetDraftFile, accountID, id, name); err != nil {
		return nil, fmt.Errorf("look up the file %q of draft %d: %w", name, id, err)
	}
	return content, nil
}

// forgetInDrafts removes the files of drafts in which a person stands, by any of their ids; and
// lists that cannot be looked through as they are: packed, or not in ASCII's letters.
func (db *DB) forgetInDrafts(ctx context.Context, tx *sqlx.Tx, accountID int64, ids []string) error {
	var files []struct {
		DraftID int64 `db:"draft_id"`
		Name    string
	}
	if err := tx.SelectContext(ctx, &files, db.q.AllDraftFiles, accountID); err != nil {
		return err
	}
	for _, f := range files {
		var content []byte
		if err := tx.GetContext(ctx, &content, db.q.GetDraftFile, accountID, f.DraftID, f.Name); err != nil {
			return err
		}
		stands := bytes.HasPrefix(content, []byte("\x1f\x8b")) || bytes.HasPrefix(content, []byte("\xff\xfe")) ||
			bytes.HasPrefix(content, []byte("\xfe\xff"))
		for _, id := range ids {
			stands = stands || bytes.Contains(content, []byte(id))
		}
		if !stands {
			continue
		}
		if _, err := tx.ExecContext(ctx, db.q.DropDraftFile, accountID, f.DraftID, f.Name); err != nil {
			return err
		}
	}
	return nil
}

// AddMakers adds to who wrote a broadcast.
func (db *DB) AddMakers(ctx context.Context, ref wxcast.BroadcastRef, makers []string) error {
	err := db.tx(ctx, ref.AccountID, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, db.q.PutApprovalMakers, ref.AccountID, ref.ID, jsonParam(makers)); err != nil {
			return err
		}
		var known []string
		var raw string
		if err := tx.GetContext(ctx, &raw, db.q.LockMakers, ref.AccountID, ref.ID); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(raw), &known); err != nil {
			return err
		}
		all := slices.Clone(known)
		for _, name := range makers {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
		if len(all) == len(known) {
			return nil
		}
		_, err := tx.ExecContext(ctx, db.q.SetMakers, ref.AccountID, ref.ID, jsonParam(all))
		return err
	})
	if err != nil {
		return fmt.Errorf("note who wrote broadcast %d: %w", ref.ID, err)
	}
	return nil
}

// AskApproval asks for another user's word for a broadcast; what was decided before is over.
func (db *DB) AskApproval(ctx context.Context, ref wxcast.BroadcastRef, by string, recipients int64) error {
	if _, err := db.exec(ctx, db.q.AskApproval, ref.AccountID, ref.ID, by, db.Now(), recipients); err != nil {
		return fmt.Errorf("ask for an approval of broadcast %d: %w", ref.ID, err)
	}
	return nil
}

// DecideApproval decides what was asked for; false means that somebody else did, or that it was
// asked for anew.
func (db *DB) DecideApproval(ctx context.Context, ref wxcast.BroadcastRef, a wxcast.Approval, by string, approved bool,
	reason string) (bool, error) {
	rows, err := db.execOnce(ctx, ref.AccountID, db.q.DecideApproval, ref.AccountID, ref.ID, a.AskedBy, a.AskedAt, by,
		db.Now(), approved, reason)
	if err != nil {
		return false, fmt.Errorf("decide about broadcast %d: %w", ref.ID, err)
	}
	return rows == 1, nil
}

// Approval is a broadcast's; the zero one where nothing is kept.
func (db *DB) Approval(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Approval, error) {
	var row struct {
		Makers     string
		AskedBy    string       `db:"asked_by"`
		AskedAt    sql.NullTime `db:"asked_at"`
		Recipients int64
		DecidedBy  string       `db:"decided_by"`
		DecidedAt  sql.NullTime `db:"decided_at"`
		Approved   bool
		Reason     string
	}
	switch err := db.get(ctx, &row, db.q.GetApproval, ref.AccountID, ref.ID); {
	case errors.Is(err, ErrNotFound):
		return wxcast.Approval{}, nil
	case err != nil:
		return wxcast.Approval{}, fmt.Errorf("look up the approval of broadcast %d: %w", ref.ID, err)
	}
	a := wxcast.Approval{AskedBy: row.AskedBy, AskedAt: utc(row.AskedAt), Recipients: row.Recipients,
		DecidedBy: row.DecidedBy, DecidedAt: utc(row.DecidedAt), Approved: row.Approved, Reason: row.Reason}
	if err := json.Unmarshal([]byte(row.Makers), &a.Makers); err != nil {
		return a, fmt.Errorf("read the makers of broadcast %d: %w", ref.ID, err)
	}
	return a, nil
}

// WaitingApprovals are drafts for which somebody has asked after a time, and nobody has decided:
// their numbers and names.
func (db *DB) WaitingApprovals(ctx context.Context, accountID int64, since time.Time,
	limit int) (all []wxcast.BroadcastName, err error) {
	return all, db.list(ctx, &all, db.q.WaitingApprovals, accountID, since.UTC(), limit)
}

// Recipients is how many a broadcast has whose recipients are fixed: nobody is counted.
func (db *DB) Recipients(ctx context.Context, ref wxcast.BroadcastRef) (n int64, err error) {
	return n, db.get(ctx, &n, db.q.CountFixed, ref.AccountID, ref.ID)
}
