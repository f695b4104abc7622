package config

import (
	"errors"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Error is one mistake in the configuration. A secret's value is never in it.
type Error struct {
	Key     string // such as "sync.rate", or an environment variable
	Value   string // as it was given; "" when nothing was, or it is secret
	Problem wxcast.Sentence
	Want    wxcast.Sentence // what would be right; may be zero
}

func (e *Error) Error() string { return e.Sentence().String() }

// Said is what is wrong, with the value.
func (e *Error) Said() wxcast.Sentence {
	if e.Value == "" {
		return e.Problem
	}
	return wxcast.Say("config.value", "value", e.Value, "problem", e.Problem)
}

// Sentence is where the mistake is, what is wrong, and what would be right.
func (e *Error) Sentence() wxcast.Sentence {
	if e.Want.IsZero() {
		return wxcast.Say("config.mistake", "key", e.Key, "said", e.Said())
	}
	return wxcast.Say("config.mistake_want", "key", e.Key, "said", e.Said(), "want", e.Want)
}

// mistakes collects every mistake, so that all are told at once.
type mistakes []error

func (m *mistakes) add(key, value string, problem, want wxcast.Sentence) {
	*m = append(*m, &Error{Key: key, Value: value, Problem: problem, Want: want})
}

func (m mistakes) err() error { return errors.Join(m...) }
