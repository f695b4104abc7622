package wxcast

import "time"

// AuditEntry is one change that somebody asked for.
type AuditEntry struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`    // UTC
	Actor  string    `json:"actor"` // "key NAME", or "cli USER@HOST"
	Action string    `json:"action"`
	// Target is what the change is about, such as a broadcast's ID; never a person's id.
	Target string `json:"target"`
	// Outcome is the HTTP status that a call of the API ended with; "" for a command,
	// and for a call in whose middle the process died.
	Outcome string `json:"outcome"`
}
