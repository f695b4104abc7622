// Package jobs runs what comes round by the clock, each run in one process of many.
package jobs

import (
	"time"

	"github.com/robfig/cron/v3"

	"github.com/wxcast/wxcast/internal/value"
)

// Schedule tells when a job is due.
type Schedule struct {
	cron *cron.SpecSchedule
	text string
}

// ParseSchedule reads a cron expression, see value.Cron. "off" never comes: the zero Schedule.
func ParseSchedule(text string) (Schedule, error) {
	if text == "off" {
		return Schedule{text: text}, nil
	}
	spec, err := value.Cron(text)
	if err != nil {
		return Schedule{}, err
	}
	return Schedule{spec, text}, nil
}

func (s Schedule) String() string { return s.text }

// Next is the first time behind t at which the job is due; zero when it never is.
func (s Schedule) Next(t time.Time) time.Time {
	if s.cron == nil {
		return time.Time{}
	}
	return s.cron.Next(t)
}

// Last is the last time in (from, to] at which the job was due; zero when it was not.
func (s Schedule) Last(from, to time.Time) (last time.Time) {
	for next := s.Next(from); !next.IsZero() && !next.After(to); next = s.Next(next) {
		last = next
	}
	return last
}
