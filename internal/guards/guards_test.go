package main

import (
	"slices"
	"strings"
	"testing"
)

func names(all []guard) (some []string) {
	for _, g := range number(all) {
		some = append(some, g.in+": "+g.text)
	}
	return some
}

func TestConditionsOfGo(t *testing.T) {
	source := `package p

func f(a, b, c bool, err error) bool {
	if a && (b || !c) {
		return a == b
	}
	if err != nil {
		return false
	}
	switch {
	case c:
	}
	return a
}
`
	all, err := ofGo("p/p.go", []byte(source))
	want := []string{"f: a", "f: (b || !c)", "f: b", "f: !c", "f: a == b", "f: c"}
	if got := names(all); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%q (%v), want %q", got, err, want)
	}
	for i := range all {
		all[i].n = i + 1
	}
	line := "	if brokenGuard(1, true, func() bool { return a }) && brokenGuard(2, true, func() bool { return " +
		"(brokenGuard(3, false, func() bool { return b }) || brokenGuard(4, false, func() bool { return !c })) }) {\n"
	if got := string(breakable([]byte(source), all)); !slices.Contains(slices.Collect(strings.Lines(got)), line) {
		t.Errorf("%s\nwant the line\n%s", got, line)
	}
}

func TestConditionsOfSQL(t *testing.T) {
	const source = `-- name: one
-- $1 account; AND this is a comment.
UPDATE t SET a = (SELECT MAX(x.a) FROM x WHERE x.b > $2 AND x.c BETWEEN 1 AND 2), d = ' WHERE '
WHERE account_id = $1 AND state = 'open' AND (a = 1 OR b IN (SELECT b FROM y)) RETURNING id;

-- name: two
SELECT 1 FROM t JOIN u ON u.n < t.n AND u.m = 3 WHERE a OR b AND c ORDER BY 1;
`
	want := []string{"one: x.b > $2", "one: x.c BETWEEN 1 AND 2", "one: state = 'open'",
		"one: (a = 1 OR b IN (SELECT b FROM y))", "two: u.n < t.n", "two: u.m = 3", "two: a OR b AND c"}
	if got := names(ofQueries("q.sql", source)); !slices.Equal(got, want) {
		t.Fatalf("%q,\nwant %q", got, want)
	}
}

// The list of what nothing finds names guards that are there.
func TestSurvivorsAreGuards(t *testing.T) {
	const root = "../.."
	all, err := guardsOf(root)
	if err != nil {
		t.Fatal(err)
	}
	known, err := knownSurvivors(root)
	if err != nil {
		t.Fatal(err)
	}
	if stale := missing(all, known); len(stale) > 0 {
		t.Errorf("%s names what is no guard any more: %q", survivorsFile, stale)
	}
}
