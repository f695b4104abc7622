// Package golden holds what a test got against a file in the repository.
package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Check holds got against the file at path, relative to the test's package, and
// writes the file instead where WXCAST_UPDATE_GOLDEN is set, as `make golden` does.
// That target finds its tests by name: the test's must begin with TestGolden. why
// tells what a difference would mean for a user.
func Check(t *testing.T, path, got, why string) {
	t.Helper()
	if !strings.HasPrefix(t.Name(), "TestGolden") {
		t.Fatalf("%s uses a golden file; name it TestGolden…, or make golden does not find it", t.Name())
	}
	if os.Getenv("WXCAST_UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; make golden writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s: %s; if it is meant, run make golden and read the diff\ngot\n%s\nwant\n%s", path, why, got, want)
	}
}
