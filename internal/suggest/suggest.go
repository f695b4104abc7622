// Package suggest finds the known name that a mistyped one was meant to be.
package suggest

import (
	"slices"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// For answers a mistake with the known name that is most like it, or with all
// known names where none is.
func For(name string, known []string) wxcast.Sentence {
	known = slices.Sorted(slices.Values(known))
	best, bestDistance := "", max(3, len(name)/2+1)
	for _, candidate := range known {
		d := distance(name, candidate)
		if len(name) >= 3 && strings.Contains(candidate, name) {
			d = min(d, 1) // path for pagepath
		}
		if d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best == "" {
		return wxcast.Say("suggest.known", "known", known)
	}
	return wxcast.Say("suggest.mean", "name", best)
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
