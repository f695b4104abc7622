package wxcast

import (
	"log/slog"
	"time"
)

// Token is an access token with its life. Its text is hidden from every kind of
// printing; Reveal is the one door to it.
type Token struct {
	value     string
	ExpiresAt time.Time // UTC
	FetchedAt time.Time // UTC
}

// NewToken wraps the text of an access token.
func NewToken(value string, fetchedAt, expiresAt time.Time) Token {
	return Token{value: value, FetchedAt: fetchedAt, ExpiresAt: expiresAt}
}

// Reveal returns the token's text, for a request or the store.
func (t Token) Reveal() string { return t.value }

// String hides the token.
func (Token) String() string { return "[token]" }

// GoString hides the token from %#v.
func (Token) GoString() string { return "[token]" }

// LogValue hides the token from slog.
func (Token) LogValue() slog.Value { return slog.StringValue("[token]") }
