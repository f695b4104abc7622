package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// nextMigration is what a later version may do to the schema under older ones: add.
const nextMigration = `-- +goose Up
ALTER TABLE deliveries ADD COLUMN next_version_says TEXT;
ALTER TABLE broadcasts ADD COLUMN next_version_says TEXT;
ALTER TABLE followers ADD COLUMN next_version_says TEXT;
CREATE TABLE next_version (id BIGINT PRIMARY KEY);
`

// nextVersion builds a wxcast that migrates the schema one further.
func (w *world) nextVersion(ctx context.Context) (binary string, err error) {
	if w.next != "" {
		return w.next, nil
	}
	tree := filepath.Join(w.dir, "next")
	if err := copySource(ctx, w.source, tree); err != nil {
		return "", err
	}
	for _, engine := range []string{"postgres", "sqlite"} {
		folder := filepath.Join(tree, "sql", "migrations", engine)
		known, err := os.ReadDir(folder)
		if err != nil {
			return "", err
		}
		name := fmt.Sprintf("%05d_next_version.sql", len(known)+1)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(nextMigration), 0o600); err != nil {
			return "", err
		}
	}
	binary = filepath.Join(w.dir, "wxcast-next")
	if err := build(ctx, tree, binary); err != nil {
		return "", err
	}
	w.next = binary
	return binary, os.RemoveAll(tree)
}
