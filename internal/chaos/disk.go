package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// smallDisk is one in memory that can be filled.
type smallDisk struct{ dir string }

// mountSmallDisk needs the right to mount: root's.
func mountSmallDisk(ctx context.Context, parent string) (*smallDisk, error) {
	// Postgres does not run as root: whoever runs it must be able to come in.
	d := &smallDisk{dir: filepath.Join(os.TempDir(), filepath.Base(parent)+"-disk")}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size=256m,mode=1777", "tmpfs",
		d.dir).CombinedOutput(); err != nil {
		_ = os.Remove(d.dir)
		return nil, fmt.Errorf("%w: a small disk cannot be mounted: %w: %s", pgserver.ErrNotHere, err, out)
	}
	return d, nil
}

func (d *smallDisk) unmount() {
	_ = exec.Command("umount", "-l", d.dir).Run()
	_ = os.Remove(d.dir)
}

func (d *smallDisk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room.
func (d *smallDisk) fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for len(block) > 0 {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			return err
		}
	}
	return nil
}

// empty makes room again.
func (d *smallDisk) empty() error { return os.Remove(d.ballast()) }
