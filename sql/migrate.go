package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// MigrationFiles are the migrations of both engines, a folder each.
//
//go:embed migrations
var MigrationFiles embed.FS

// Migrate brings the schema to this binary's version, one process at a time,
// and returns the versions before and after. A database of a newer binary is
// left alone: ErrSchemaNewer.
func (db *DB) Migrate(ctx context.Context) (from, to int64, err error) {
	p, err := db.migrator()
	if err != nil {
		return 0, 0, err
	}
	from, to, err = p.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	if from > to {
		return from, to, newer(from, to)
	}
	if from == to {
		return from, to, nil
	}
	if _, err := p.Up(ctx); err != nil {
		return from, to, fmt.Errorf("migrate: %w", err)
	}
	return from, to, nil
}

// CheckSchema tells whether the schema is this binary's: nil, ErrSchemaOlder
// or ErrSchemaNewer.
func (db *DB) CheckSchema(ctx context.Context) error {
	p, err := db.migrator()
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	switch {
	case have > want:
		return newer(have, want)
	case have < want:
		return wxcast.NewError("store.schema_older", "have", have, "want", want).Of(ErrSchemaOlder)
	}
	return nil
}

func newer(have, want int64) error {
	return wxcast.NewError("store.schema_newer", "have", have, "want", want).Of(ErrSchemaNewer)
}

func (db *DB) migrator() (*goose.Provider, error) {
	files, err := fs.Sub(MigrationFiles, path.Join("migrations", string(db.engine)))
	if err != nil {
		return nil, err
	}
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	dialect := goose.DialectSQLite3
	if db.engine == Postgres {
		dialect = goose.DialectPostgres
		// A table, not an advisory lock: the latter belongs to a session, and a
		// pooler in transaction mode hands sessions around.
		locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(200*time.Millisecond, 1500))
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithLocker(locker))
	}
	return goose.NewProvider(dialect, db.write.DB, files, opts...)
}
