package wxcast

import (
	"slices"
	"time"
)

// Draft is a broadcast that users are making.
type Draft struct {
	ID        int64
	Spec      string // YAML, which may have mistakes yet
	Version   int64  // 1, 2, 3… with each change
	Makers    []string
	Files     []DraftFile
	CreatedAt time.Time // UTC, as is the other
	ChangedAt time.Time
}

// DraftFile is a file that a draft's spec may name.
type DraftFile struct {
	Name string
	Size int64 // bytes
}

// Approval is whether a broadcast may begin that needs another user's word.
type Approval struct {
	Makers     []string  // who wrote it
	AskedBy    string    // "" where nobody has asked yet
	AskedAt    time.Time // UTC, as is the other
	Recipients int64     // when it was asked for
	DecidedBy  string    // "" where nobody has decided yet
	DecidedAt  time.Time
	Approved   bool
	Reason     string // what who decided wrote
}

// May tells whether a user may decide: none who wrote it or asked for it.
func (a Approval) May(user string) bool { return user != a.AskedBy && !slices.Contains(a.Makers, user) }

// BroadcastName names a broadcast for people.
type BroadcastName struct {
	ID   int64
	Name string
}
