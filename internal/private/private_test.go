package private_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wxcast/wxcast/internal/private"
)

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	open, link := filepath.Join(dir, "open"), filepath.Join(dir, "link")
	if err := os.WriteFile(open, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{open, filepath.Join(dir, "new")} {
		f, err := private.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 0 {
			t.Errorf("%s: %v %v, want an empty file of 0600", path, info.Mode(), err)
		}
	}
	if err := os.Symlink(open, link); err != nil {
		t.Skip(err)
	}
	if _, err := private.Create(link); err == nil {
		t.Error("a symbolic link was followed")
	}
}
