package wxcast

import (
	"encoding/json"
	"time"
)

// AuditEntry is a line of the audit log: who did something, and what came of it.
type AuditEntry struct {
	ID     int64     `json:"id"` // 1, 2, 3… of an account
	At     time.Time `json:"at"` // UTC
	Actor  string    `json:"actor"`
	Origin string    `json:"origin"` // the address or the machine it was asked from
	Action string    `json:"action"`
	// Target is what it is about, such as a broadcast's ID; never a person's id.
	Target string `json:"target"`
	// Subject names the people it is about by keyed hashes of their ids, parted by spaces.
	Subject string `json:"subject,omitempty"`
	// Outcome is how it ended in a word, such as "done" or "refused"; "" where it begins, and
	// where the process died in its middle.
	Outcome string `json:"outcome"`
	// Ends is the entry that this one ends; 0 for none.
	Ends int64 `json:"ends,omitempty"`
	// Hash is over the entry and the hash of the one before it.
	Hash string `json:"hash"`
}

// AuditTrimmed is the action of the entry that says up to which id, its target, older entries
// were removed as the retention has it.
const AuditTrimmed = "trim-audit"

// Chained is what an entry's hash is over: the account, the hash before, and all else of it.
func (e AuditEntry) Chained(accountID int64, prev string) []byte {
	const micros = "2006-01-02T15:04:05.000000Z" // as stores keep it
	all, err := json.Marshal([]any{"v1", accountID, prev, e.ID, e.At.UTC().Format(micros), e.Actor, e.Origin, e.Action,
		e.Target, e.Subject, e.Outcome, e.Ends})
	if err != nil {
		panic(err) // texts and numbers always have a form in JSON
	}
	return all
}

// AuditCheck is what came of checking an account's audit log.
type AuditCheck struct {
	Entries int64 `json:"entries"`
	First   int64 `json:"first"` // the id of the oldest that is kept
	Last    int64 `json:"last"`
	// Head is the last entry's id and hash: who wrote it down elsewhere sees later whether
	// the log up to here is still the same.
	Head string `json:"head"`
	// KeyedFrom is the entry from which on every hash is made with a data key; 0 for none. Who
	// can write to the store alone cannot make those anew, but could those before, and then
	// all of them look as if there had been no key.
	KeyedFrom int64 `json:"keyed_from,omitempty"`
	// Broken is what is wrong; nil for nothing. At is the first entry of which that is so.
	Broken *Sentence `json:"-"`
	At     int64     `json:"broken_at,omitempty"`
}
