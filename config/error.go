package config

import (
	"errors"
	"fmt"
)

// Error is one mistake in the configuration. A secret's value is never in it.
type Error struct {
	Key     string // such as "sync.rate", or an environment variable
	Value   string // as it was given; "" when nothing was, or it is secret
	Problem string
	Want    string // what would be right
}

func (e *Error) Error() string {
	text := e.Key + ": " + e.Said()
	if e.Want != "" {
		text += "; " + e.Want
	}
	return text
}

// Said is what is wrong, with the value.
func (e *Error) Said() string {
	if e.Value == "" {
		return e.Problem
	}
	return fmt.Sprintf("%q ", e.Value) + e.Problem
}

// mistakes collects every mistake, so that all are told at once.
type mistakes []error

func (m *mistakes) add(key, value, problem, want string) {
	*m = append(*m, &Error{Key: key, Value: value, Problem: problem, Want: want})
}

func (m mistakes) err() error { return errors.Join(m...) }
