package spec

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// FileContent is a Content that names files beside the spec, such as a picture.
type FileContent interface {
	Content
	// Files are their names, by key.
	Files() map[string]string
	// ReadFile reads and keeps the file at a key, and judges it.
	ReadFile(key, path string) (problem, want wxcast.Sentence)
}

// OpenFiles looks at the files that the spec names: the lists' content, for its hash, and their
// columns, for the spec's variables; and the files of what is said, which are then read. dir is
// the spec's folder. Errors are *wxcast.BadInput, all at once.
func (s *Spec) OpenFiles(dir string) error {
	return errors.Join(s.openLists(dir), s.readFiles(dir))
}

// OpenUploadedFiles is OpenFiles for a spec that a stranger sent: its files are those of dir and
// nowhere else.
func (s *Spec) OpenUploadedFiles(dir string) error {
	for _, l := range s.lists() {
		if !inFolder(l.File) {
			return s.Bad(l.key, wxcast.Say("list.not_sent", "file", l.File), wxcast.Say("list.want_sent"))
		}
	}
	for part, key := range s.files() {
		if file := part.Content.(FileContent).Files()[key]; !inFolder(file) {
			return part.Bad(s, key, wxcast.Say("list.not_sent", "file", file), wxcast.Say("spec.want_sent"))
		}
	}
	return s.OpenFiles(dir)
}

// inFolder tells whether a file's name is one in a folder, and in none below or above it.
func inFolder(name string) bool { return name == filepath.Base(name) && filepath.IsLocal(name) }

// Beside is a file's path: beside the spec, unless it is absolute.
func Beside(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}

// files yields the keys at which parts name a file.
func (s *Spec) files() func(yield func(Part, string) bool) {
	return func(yield func(Part, string) bool) {
		for _, part := range s.Parts {
			content, ok := part.Content.(FileContent)
			if !ok {
				continue
			}
			for _, key := range slices.Sorted(maps.Keys(content.Files())) {
				if !yield(part, key) {
					return
				}
			}
		}
	}
}

func (s *Spec) readFiles(dir string) error {
	var bad []error
	for part, key := range s.files() {
		content := part.Content.(FileContent)
		if problem, want := content.ReadFile(key, Beside(dir, content.Files()[key])); !problem.IsZero() {
			bad = append(bad, part.Bad(s, key, problem, want))
		}
	}
	return errors.Join(bad...)
}
