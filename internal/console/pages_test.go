package console

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/text"
)

var saidOnPages = regexp.MustCompile(`T "([a-z_.]+)"|T \(print "([a-z_.]+)"`)

// Each code on a page has words; one that is put together has some that begin so.
func TestEachCodeOnAPageHasWords(t *testing.T) {
	found := 0
	err := fs.WalkDir(pageFiles, "pages", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := pageFiles.ReadFile(path)
		for _, m := range saidOnPages.FindAllStringSubmatch(string(raw), -1) {
			found++
			if m[1] != "" {
				if _, ok := text.English.Lookup(m[1]); !ok {
					t.Errorf("%s: internal/text has no words for %q", path, m[1])
				}
			} else if !text.AnyBegins(m[2]) {
				t.Errorf("%s: internal/text has no words whose code begins with %q", path, m[2])
			}
		}
		return err
	})
	if err != nil || found < 100 {
		t.Errorf("%d codes found, %v", found, err)
	}
}

// A page that could run something of its own would be refused by its policy: it is not there.
func TestPagesHaveNoScriptsAndStyles(t *testing.T) {
	own := regexp.MustCompile(`(?i)<script(?:[^>]*[^>\s])?\s*>[^<]|\sstyle=|\son[a-z]+=|javascript:|hx-on|<style`)
	err := fs.WalkDir(pageFiles, "pages", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := pageFiles.ReadFile(path)
		if bad := own.FindString(string(raw)); bad != "" {
			t.Errorf("%s has %q", path, strings.TrimSpace(bad))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
