package wxcast

import (
	"crypto/rand"
	"strings"
)

// NewMessageKey is the random part that the ids of a broadcast's messages share, so that a
// fresh database does not repeat those of the one before.
func NewMessageKey() string { return strings.ToLower(rand.Text()[:10]) }
