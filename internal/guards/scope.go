package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// goFiles are where the guards of the sending stand in Go, by package.
var goFiles = map[string][]string{
	"sql": {"claim", "find", "skip", "lease", "pacing", "quota", "allowance", "outcome", "doubt", "receipt", "permit",
		"right"},
	"broadcast": {"claim", "dispatch", "send", "serial", "note", "outcome", "refusal", "record", "heartbeat", "doubt",
		"quota", "canary", "hours"},
}

// queryFiles are where they stand in SQL, and leftOut the queries there that send nothing: they show,
// count, or find an audience.
var (
	queryFiles = []string{"delivery", "lease", "pacing", "quota", "receipt", "permit", "right", "block"}
	leftOut    = regexp.MustCompile(`^(fix-.*|last-fixed|count-.*|tally.*|list-.*|delivery-.*|quota-history|` +
		`messages-heard|export-.*|.*-of-person|receipt-hints|find-.*|drop-old-.*|drop-closed-.*|forget-.*)$`)
	// sameRow are conditions by which tables are joined, and words that the program puts there.
	sameRow = regexp.MustCompile(`^\(?\w+\.\w+ = \w+\.\w+\)?$|%\[|%s`)
)

// guardsOf are all guards, in the order of their files.
func guardsOf(root string) ([]guard, error) {
	var all []guard
	for _, dir := range []string{"sql", "broadcast"} {
		for _, stem := range goFiles[dir] {
			file := path.Join(dir, stem+".go")
			source, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				return nil, err
			}
			some, err := ofGo(file, source)
			if err != nil {
				return nil, err
			}
			for _, g := range number(some) {
				g.n = len(all) + 1
				all = append(all, g)
			}
		}
	}
	for _, engine := range []string{"", "postgres", "sqlite"} {
		for _, stem := range queryFiles {
			file := path.Join("sql/queries", engine, stem+".sql")
			source, err := os.ReadFile(filepath.Join(root, file))
			if os.IsNotExist(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, g := range number(ofQueries(file, string(source))) {
				if g.engine = engine; !leftOut.MatchString(g.in) && !sameRow.MatchString(g.text) {
					all = append(all, g)
				}
			}
		}
	}
	return all, nil
}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
