// Package private makes files for one pair of eyes: people's data and tokens are in them.
package private

import (
	"errors"
	"io/fs"
	"os"
)

// Create makes a file that its owner alone can read, or empties one. A symbolic link in its
// place is an error: in a folder that others write to it would lead anywhere.
func Create(path string) (*os.File, error) {
	if err := noLink(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil && !errors.Is(err, errors.ErrUnsupported) { // it was there
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Append opens a file to add to it; a new one its owner alone can read.
func Append(path string) (*os.File, error) {
	if err := noLink(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|noFollow, 0o600)
}

// Folder makes a folder, and those above it, that its owner alone can enter.
func Folder(path string) error { return os.MkdirAll(path, 0o700) }

// Ensure makes a file that its owner alone can read, if there is none.
func Ensure(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func noLink(path string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return &fs.PathError{Op: "create", Path: path, Err: errors.New("it is a symbolic link")}
	}
	return nil
}
