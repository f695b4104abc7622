package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type presetRow struct {
	Name      string
	Version   int
	Spec      string
	CreatedAt time.Time  `db:"created_at"`
	RemovedAt *time.Time `db:"removed_at"`
}

func (r presetRow) preset() wxcast.Preset {
	return wxcast.Preset{Name: r.Name, Version: r.Version, Spec: r.Spec, CreatedAt: r.CreatedAt.UTC()}
}

// PutPreset stores a new version of a preset, unless its latest says the same: then it is that
// one, and added is false.
func (db *DB) PutPreset(ctx context.Context, accountID int64, name, spec string) (p wxcast.Preset, added bool,
	err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		added = false
		var locked int64
		if err := tx.GetContext(ctx, &locked, db.q.LockAccount, accountID); err != nil {
			return err
		}
		var latest []presetRow
		if err := tx.SelectContext(ctx, &latest, db.q.GetPreset, accountID, name, 0); err != nil {
			return err
		}
		if len(latest) > 0 && latest[0].Spec == spec {
			p = latest[0].preset()
			return nil
		}
		added, p = true, wxcast.Preset{Name: name, Spec: spec, CreatedAt: db.Now()}
		return tx.GetContext(ctx, &p.Version, db.q.AddPreset, accountID, name, spec, p.CreatedAt)
	})
	if err != nil {
		return p, false, fmt.Errorf("store preset %q: %w", name, err)
	}
	return p, added, nil
}

// Preset is a version of a preset, or its latest for 0; ErrNotFound where there is none.
func (db *DB) Preset(ctx context.Context, accountID int64, name string, version int) (wxcast.Preset, error) {
	var row presetRow
	if err := db.get(within(ctx, hurried), &row, db.q.GetPreset, accountID, name, version); err != nil {
		return wxcast.Preset{}, fmt.Errorf("look up preset %q: %w", name, err)
	}
	return row.preset(), nil
}

// Presets are the latest versions of all presets, by name.
func (db *DB) Presets(ctx context.Context, accountID int64) ([]wxcast.Preset, error) {
	var rows []presetRow
	if err := db.list(ctx, &rows, db.q.ListPresets, accountID); err != nil {
		return nil, fmt.Errorf("list presets: %w", err)
	}
	all := make([]wxcast.Preset, len(rows))
	for i, r := range rows {
		all[i] = r.preset()
	}
	return all, nil
}

// RemovePreset removes a preset; ErrNotFound where there is none. Messages of it go on.
func (db *DB) RemovePreset(ctx context.Context, accountID int64, name string) error {
	n, err := db.exec(ctx, db.q.RemovePreset, accountID, name, db.Now())
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		return err
	}
	if err != nil {
		return fmt.Errorf("remove preset %q: %w", name, err)
	}
	return nil
}
