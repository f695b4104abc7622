package wxcast

import (
	"slices"
	"strings"
	"time"
)

// APIKey is a key of the HTTP API, without its text: only a hash of that is kept.
type APIKey struct {
	ID         int64     `json:"-"`
	AccountID  int64     `json:"-"` // the one account that it opens
	Name       string    `json:"name"`
	Scopes     []Scope   `json:"scopes"`
	CreatedAt  time.Time `json:"created_at,omitzero"`   // UTC, as are the others
	ExpiresAt  time.Time `json:"expires_at,omitzero"`   // zero: never
	RevokedAt  time.Time `json:"revoked_at,omitzero"`   // zero: not
	LastUsedAt time.Time `json:"last_used_at,omitzero"` // zero: never; to the minute
}

// May tells whether the key opens what a scope guards.
func (k APIKey) May(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Good tells whether the key is good at a time.
func (k APIKey) Good(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Scope is a part of the HTTP API that a key opens.
type Scope string

// The scopes.
const (
	ScopeRead   Scope = "read"   // counts and states: broadcasts, reports, jobs, metrics
	ScopeSend   Scope = "send"   // make, preview, start, pause and end broadcasts
	ScopePeople Scope = "people" // persons: followers, deliveries, opt-outs
	ScopeSync   Scope = "sync"   // run jobs, import mini users
	ScopeToken  Scope = "token"  // the account's access token
	ScopeAudit  Scope = "audit"  // who changed what
	ScopeEvents Scope = "events" // what happened, with people's ids
)

// JoinScopes writes scopes one after the other.
func JoinScopes(scopes []Scope, separator string) string {
	text := make([]string, len(scopes))
	for i, s := range scopes {
		text[i] = string(s)
	}
	return strings.Join(text, separator)
}

// Scopes are all scopes.
var Scopes = []Scope{ScopeRead, ScopeSend, ScopePeople, ScopeSync, ScopeToken, ScopeAudit, ScopeEvents}

// ParseScope reads a scope; false for one that there is not.
func ParseScope(text string) (Scope, bool) { return Scope(text), slices.Contains(Scopes, Scope(text)) }
