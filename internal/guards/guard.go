package main

import (
	"fmt"
	"path"
	"strings"
)

// How a guard is broken.
const (
	dropped = "dropped" // as if it did not stand there
	negated = "negated"
)

// guard is one condition that stands between a wrong moment and an act.
type guard struct {
	file string // from the module's root
	in   string // the function, or the query
	text string
	nth  int // of those with the same text there, from 1

	n        int    // its number among those of Go, by which the program that is broken knows it
	from, to int    // where it stands in the file
	without  bool   // what a condition of Go is when it is dropped
	engine   string // whose query it is, where it is one's alone
}

// name is what a guard is called in docs/decisions/guards.md, wherever it moves in its file.
func (g guard) name() string {
	name := fmt.Sprintf("%s %s: %s", g.file, g.in, strings.Join(strings.Fields(g.text), " "))
	if g.nth > 1 {
		name += fmt.Sprintf(" (%d)", g.nth)
	}
	return name
}

func (g guard) ofQuery() bool { return path.Ext(g.file) == ".sql" }

// number tells apart the guards that have the same text in the same place.
func number(all []guard) []guard {
	seen := map[string]int{}
	for i, g := range all {
		key := g.file + " " + g.in + " " + strings.Join(strings.Fields(g.text), " ")
		seen[key]++
		all[i].nth = seen[key]
	}
	return all
}
