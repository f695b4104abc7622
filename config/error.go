package config

import (
	"errors"
	"regexp"
	"strings"

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

// add notes a mistake. It is the one place through which a value gets into a message.
func (m *mistakes) add(key, value string, problem, want wxcast.Sentence) {
	*m = append(*m, &Error{Key: key, Value: shown(key, value), Problem: problem, Want: want})
}

var (
	// secretKey are the keys and variables whose value nobody sees, and those of files, into
	// which people put the secret itself.
	secretKey = regexp.MustCompile(
		`(?i)(secret|password|aes_key|session_key|(^|[._])token|token_(url|command)|(^|[._])url|notify|_file|key_file)$` +
			`|^notify|^WXCAST_NOTIFY_URL`)
	// userInfo is who logs in, in a URL.
	userInfo = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)?.*@`)
)

// shownMax is how much of a value is shown.
const shownMax = 80

// shown is a value as a message may hold it; "" where it may be a secret.
func shown(key, value string) string {
	if secretKey.MatchString(key) && !strings.HasSuffix(key, "kind") && !strings.HasSuffix(key, "KIND") {
		if !strings.HasPrefix(key, "database") && !strings.HasSuffix(key, "DATABASE_URL") {
			return ""
		}
	}
	if strings.Contains(value, "@") {
		value = userInfo.ReplaceAllString(value, "$1***@")
	}
	if _, query, has := strings.Cut(value, "?"); has && strings.Contains(query, "=") {
		value, _, _ = strings.Cut(value, "?") // password=…
	}
	if len(value) > shownMax {
		value = value[:shownMax] + "…"
	}
	return value
}

func (m mistakes) err() error { return errors.Join(m...) }
