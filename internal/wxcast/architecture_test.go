package wxcast_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// declaredNames are what Go files declare.
func declaredNames(t *testing.T, root string) map[string]bool {
	t.Helper()
	list := exec.Command("git", "grep", "-hoE", `(func (\([^)]*\) )?|type |^	)[A-Za-z]+`, "--", "*.go")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("git grep: %v; the pages are looked at where there is a checkout", err)
	}
	declared := map[string]bool{}
	for line := range strings.SplitSeq(string(out), "\n") {
		fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ')' || r == '\t' })
		if len(fields) > 0 {
			declared[fields[len(fields)-1]] = true
		}
	}
	return declared
}

// Each defence on the pages about security has a test, and both pages name the same.
func TestTheSecurityPagesNameTestsThatExist(t *testing.T) {
	const root = "../.."
	declared := declaredNames(t, root)
	named := map[string][]string{}
	for _, page := range []string{"docs/security.md", "docs/zh/security.md"} {
		raw, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		named[page] = regexp.MustCompile("`(Test|Fuzz)[A-Za-z]+`").FindAllString(string(raw), -1)
		for _, test := range named[page] {
			if !declared[strings.Trim(test, "`")] {
				t.Errorf("%s names %s, which is not there", page, test)
			}
		}
	}
	if en, zh := named["docs/security.md"], named["docs/zh/security.md"]; len(en) < 20 || !slices.Equal(en, zh) {
		t.Errorf("the pages name other tests: %v and %v", en, zh)
	}
}

// What docs/architecture.md names is there: files, folders, and names of Go.
func TestTheArchitecturePageNamesWhatExists(t *testing.T) {
	const root = "../.."
	page, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	declared := declaredNames(t, root)
	path := regexp.MustCompile(`^[a-z]+(/[A-Za-z0-9_.-]+)*$`)
	name := regexp.MustCompile(`^(?:[a-z]+\.)?([A-Za-z]+)(?:\.([A-Za-z]+))?$`)
	found := 0
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		text := m[1]
		if path.MatchString(text) && (strings.Contains(text, "/") || strings.Contains(text, ".go")) {
			found++
			if _, err := os.Stat(filepath.Join(root, text)); err != nil {
				t.Errorf("docs/architecture.md names %s, which is not there: name what took its place", text)
			}
			continue
		}
		if n := name.FindStringSubmatch(text); n != nil && !path.MatchString(text) {
			found++
			last := n[1]
			if n[2] != "" {
				last = n[2]
			}
			if !declared[last] && text != "code" {
				t.Errorf("docs/architecture.md names %s, which no Go file declares", text)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d names were found on the page: is it written in another form now?", found)
	}
}
