package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// lastRelease builds the program of the last release before this tree, by its tag; it is "" where
// there was none, as far as this copy of the history knows.
func (w *world) lastRelease(ctx context.Context) (binary, tag string, err error) {
	if w.released != "" {
		return w.released, w.tag, nil
	}
	describe := exec.CommandContext(ctx, "git", "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
	describe.Dir = w.source
	out, err := describe.Output()
	if tag = strings.TrimSpace(string(out)); err != nil || tag == "" {
		return "", "", nil
	}
	tree := filepath.Join(w.dir, "release")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return "", "", err
	}
	defer os.RemoveAll(tree)
	archive := exec.CommandContext(ctx, "sh", "-c", `git archive "$1" | tar -x -C "$2"`, "sh", tag, tree)
	archive.Dir = w.source
	if out, err := archive.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("the source of %s: %w: %s", tag, err, out)
	}
	binary = filepath.Join(w.dir, "wxcast-"+tag)
	if err := build(ctx, tree, binary); err != nil {
		return "", "", err
	}
	w.released, w.tag = binary, tag
	return binary, tag, nil
}
