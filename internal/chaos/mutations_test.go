package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A break whose text is gone breaks nothing, and the run of all breaks takes long: so this is
// looked at with every test.
func TestEachBreakFindsItsText(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range allMutations {
		if seen[m.name] {
			t.Errorf("two breaks are called %s: name each, or only one of them can be run alone", m.name)
		}
		seen[m.name] = true
		raw, err := os.ReadFile(filepath.Join("..", "..", m.file))
		if err != nil {
			t.Errorf("%s: %v; name the file that has the code now", m.name, err)
			continue
		}
		if n := strings.Count(string(raw), m.old); n != 1 {
			t.Errorf("%s: %s holds its text %d times, want once: write the break anew\n%s", m.name, m.file, n, m.old)
		}
		if m.new == m.old {
			t.Errorf("%s: changes nothing", m.name)
		}
		if strings.HasPrefix(m.scenario, inWorld) || m.scenario == inModel {
			continue
		}
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == m.scenario }) {
			t.Errorf("%s: there is no scenario %q in which it could show", m.name, m.scenario)
		}
	}
}

// Who reads what is promised finds each break, by the name that runs it alone.
func TestEachBreakStandsOnThePage(t *testing.T) {
	for _, page := range []string{"promises.md", "zh/promises.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(string(raw), "`make chaos-mutations` ")
		var named []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(table, -1) {
			named = append(named, row[1])
		}
		for _, m := range allMutations {
			if n := slices.Index(named, m.name); n >= 0 {
				named = slices.Delete(named, n, n+1)
			} else {
				t.Errorf("docs/%s does not name the break %s: give it a row", page, m.name)
			}
		}
		if len(named) > 0 {
			t.Errorf("docs/%s names breaks that are none, or twice: %q", page, named)
		}
	}
}
