package bench

import (
	"errors"
	"fmt"
)

// Bar is a limit that we set for a figure.
type Bar struct {
	Part    string  `json:"part"`
	Engine  string  `json:"engine"`
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	AtLeast bool    `json:"at_least"` // or Limit is the most
	Limit   float64 `json:"limit"`
	Pass    bool    `json:"pass"`
	// Promise is that this is no matter of speed: one that is not kept is an error.
	Promise bool `json:"promise"`
}

// atScale tells whether the part has the million followers that some bars were set for: a
// smaller one has too much of a beginning and an end.
func (w *world) atScale() bool { return w.Size >= 1_000_000 }

func (w *world) atLeast(what string, value, limit float64, unit string) {
	w.result.Bars = append(w.result.Bars, Bar{w.part.name, w.engine, what, value, unit, true, limit, value >= limit,
		false})
}

func (w *world) atMost(what string, value, limit float64, unit string) {
	w.result.Bars = append(w.result.Bars, Bar{w.part.name, w.engine, what, value, unit, false, limit, value <= limit,
		false})
}

// none is a promise that there is none of something.
func (w *world) none(what string, n int) {
	w.result.Bars = append(w.result.Bars, Bar{w.part.name, w.engine, what, float64(n), "", false, 0, n == 0, true})
}

// broken names the promises that were not kept.
func (r *Result) broken() error {
	var all []error
	for _, b := range r.Bars {
		if b.Promise && !b.Pass {
			all = append(all, fmt.Errorf("%s on %s: %s: %v", b.Part, b.Engine, b.What, b.Value))
		}
	}
	return errors.Join(all...)
}
