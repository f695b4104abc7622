package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/private"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Backup writes a copy of a SQLite store to a file that is not there yet, as it is at one moment,
// while it is in use; nobody waits for it. In the copy the broadcasts that are at work, or would go
// on by themselves, are paused: what they send from now on is not in it, and would be sent again.
// It returns the copy's bytes. A file that is not whole is not left behind.
func (db *DB) Backup(ctx context.Context, file string) (bytes int64, err error) {
	if db.engine != SQLite {
		return 0, &wxcast.BadInput{Problem: wxcast.Say("backup.not_sqlite"), Want: wxcast.Say("backup.want_tools")}
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return 0, &wxcast.BadInput{File: file, Problem: wxcast.Say("backup.there"), Want: wxcast.Say("backup.want_new")}
	}
	part := file + ".part"
	_ = os.Remove(part) // of one that was killed
	f, err := private.Create(part)
	if err != nil {
		return 0, &wxcast.BadInput{File: file, Problem: wxcast.Say("backup.not_made", "why", err),
			Want: wxcast.Say("backup.want_folder")}
	}
	defer func() {
		for _, left := range []string{part, part + "-wal", part + "-shm"} {
			_ = os.Remove(left)
		}
	}()
	if err := f.Close(); err != nil {
		return 0, err
	}
	taken := db.Now()
	if _, err := db.read.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return 0, fmt.Errorf("copy the store: %w", unreachable(err))
	}
	if err := pauseInBackup(ctx, part, wxcast.Say("pause.from_backup", "at", taken)); err != nil {
		return 0, err
	}
	if bytes, err = flushed(part); err != nil {
		return 0, err
	}
	if err := os.Rename(part, file); err != nil {
		return 0, err
	}
	_, _ = flushed(filepath.Dir(file)) // not every system can, and the copy itself is on the disk
	return bytes, nil
}

// pauseInBackup looks whether the copy is whole, and pauses its broadcasts.
func pauseInBackup(ctx context.Context, file string, reason wxcast.Sentence) (err error) {
	db, err := Open(ctx, "sqlite://"+file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var whole string
	if err := db.write.GetContext(ctx, &whole, "PRAGMA quick_check(1)"); err != nil || whole != "ok" {
		return fmt.Errorf("the copy is not whole: %s %w", whole, err)
	}
	var accounts []int64
	if err := db.write.SelectContext(ctx, &accounts, "SELECT DISTINCT account_id FROM broadcasts"); err != nil {
		return err
	}
	for _, id := range accounts {
		err := db.tx(ctx, id, func(tx *sqlx.Tx) error {
			_, err := db.moved(ctx, tx, id, "", wxcast.BroadcastPaused, reason, db.q.PauseInBackup, id, reason)
			return err
		})
		if err != nil {
			return fmt.Errorf("pause the broadcasts in the copy: %w", err)
		}
	}
	return nil
}

// flushed writes a file, or a folder's names, through to the disk, and is its size.
func flushed(path string) (int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, syscall.EISDIR) {
		f, err = os.Open(path)
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Sync()
}
