package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/lib/pq"
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
		return 0, 0, db.migrationError(ctx, err)
	}
	if from > to {
		return from, to, newer(from, to)
	}
	if from == to {
		return from, to, nil
	}
	if _, err := p.Up(ctx); err != nil {
		return from, to, db.migrationError(ctx, err)
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
	// The version says it; a table of ours that is not there says otherwise.
	if _, err := db.read.ExecContext(ctx, "SELECT id FROM apps WHERE id < 0"); err != nil && !isTransient(err) {
		return wxcast.NewError("store.schema_missing", "why", err).Of(ErrSchemaOlder)
	}
	return nil
}

// versionTable is our own: other programs of the company use goose's.
const versionTable = "wxcast_schema_version"

// migrationError says what to grant to a role that may not make tables, as none may in the
// public schema since Postgres 15.
func (db *DB) migrationError(ctx context.Context, err error) error {
	var denied *pq.Error
	if !errors.As(err, &denied) || denied.Code != "42501" {
		return fmt.Errorf("migrate: %w", err)
	}
	var who struct{ Role, Schema string }
	if db.read.GetContext(ctx, &who, "SELECT current_user AS role, COALESCE(current_schema(), 'public') AS schema") != nil {
		who.Role, who.Schema = "ROLE", "public"
	}
	return wxcast.NewError("store.no_create", "role", who.Role, "schema", who.Schema).Of(err)
}

func newer(have, want int64) error {
	return wxcast.NewError("store.schema_newer", "have", have, "want", want).Of(ErrSchemaNewer)
}

func (db *DB) migrator() (*goose.Provider, error) {
	files, err := fs.Sub(MigrationFiles, path.Join("migrations", string(db.engine)))
	if err != nil {
		return nil, err
	}
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable)}
	dialect := goose.DialectSQLite3
	if db.engine == Postgres {
		dialect = goose.DialectPostgres
		// A table, not an advisory lock: the latter belongs to a session, and a
		// pooler in transaction mode hands sessions around.
		locker, err := lock.NewPostgresTableLocker(lock.WithTableName("wxcast_schema_lock"),
			lock.WithTableLockTimeout(200*time.Millisecond, 1500))
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithLocker(locker))
	}
	return goose.NewProvider(dialect, db.write.DB, files, opts...)
}
