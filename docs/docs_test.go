// Package docs_test holds the pages against each other and against what is in the repository.
package docs_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// onlyEnglish are the pages for who works on wxcast itself, and one that is in both languages.
var onlyEnglish = []string{"architecture.md", "errcodes.md"}

// translations are the pages in Chinese by the pages that they are of.
func translations(t *testing.T) map[string]string {
	pages, err := filepath.Glob("*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	of := map[string]string{"../README.md": "../README.zh-CN.md", "../UPGRADING.md": "zh/upgrading.md"}
	for _, page := range pages {
		if !slices.Contains(onlyEnglish, page) {
			of[page] = "zh/" + page
		}
	}
	return of
}

// mark stands at the end of a translation: which text it was made of.
var mark = regexp.MustCompile(`\n<!-- of ([0-9a-f]{12}) -->\n$`)

// A translation says which text it is of: when the English changes, its translator reads what
// changed, mends the Chinese, and marks it again (make translated).
func TestTranslationsDoNotLag(t *testing.T) {
	for page, zh := range translations(t) {
		english, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		chinese, err := os.ReadFile(zh)
		if err != nil {
			t.Errorf("docs/%s is not in Chinese: %v", page, err)
			continue
		}
		want := fmt.Sprintf("%.6x", sha256.Sum256(english))
		if os.Getenv("WXCAST_TRANSLATED") != "" {
			text := mark.ReplaceAll(chinese, []byte("\n"))
			text = fmt.Appendf(bytes.TrimRight(text, "\n"), "\n\n<!-- of %s -->\n", want)
			if err := os.WriteFile(zh, text, 0o644); err != nil {
				t.Error(err)
			}
			continue
		}
		if m := mark.FindSubmatch(chinese); m == nil || string(m[1]) != want {
			t.Errorf("docs/%s lags behind docs/%s: read what changed there (git log -p), mend it, then make translated",
				zh, page)
		}
		// What a reader copies is the same in both, comments and texts in Chinese apart.
		if en, cn := shapes(english), shapes(chinese); !slices.Equal(en, cn) {
			t.Errorf("docs/%s has other blocks of code than docs/%s:\n%q\n%q", zh, page, cn, en)
		}
	}
}

var fence = regexp.MustCompile("(?m)^```(\\w*)[^\n]*\n")

// shapes are the languages of a page's blocks of code, in order.
func shapes(page []byte) (languages []string) {
	for i, m := range fence.FindAllSubmatch(page, -1) {
		if i%2 == 0 {
			languages = append(languages, string(m[1]))
		}
	}
	return languages
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Every link leads somewhere: to a file, and to a heading of it.
func TestLinks(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "*/*.md", "../*.md", "../*/*/README.md", "../deploy/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 30 {
		t.Fatalf("only %d pages", len(pages))
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			to, anchor, _ := strings.Cut(string(m[1]), "#")
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			target := page
			if to != "" {
				target = filepath.Join(filepath.Dir(page), to)
			}
			if zh := filepath.Join("zh", filepath.Base(to)); strings.HasPrefix(page, "zh/") && filepath.Dir(target) == "." {
				if _, err := os.Stat(zh); err == nil && filepath.Base(target) != "README.md" {
					t.Errorf("%s: %s leads to English, and there is docs/%s", page, m[1], zh)
				}
			}
			content, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			} else if info.IsDir() {
				continue
			}
			if anchor != "" && (err != nil || !slices.Contains(anchors(content), anchor)) {
				t.Errorf("%s: %s leads to no heading; there are %q", page, m[1], anchors(content))
			}
		}
	}
}

var (
	heading   = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	noAnchor  = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```")
)

// anchors are what the forge makes of a page's headings.
func anchors(page []byte) (all []string) {
	for _, m := range heading.FindAllSubmatch(codeBlock.ReplaceAll(page, nil), -1) {
		plain := noAnchor.ReplaceAllString(strings.ToLower(string(m[1])), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}
