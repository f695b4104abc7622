package wxcast

import "fmt"

// ListKind is which id a list's rows hold.
type ListKind string

// The kinds of ids that a list may hold.
const (
	ListOfOpenIDs     ListKind = "openid"
	ListOfUnionIDs    ListKind = "unionid"
	ListOfMiniOpenIDs ListKind = "mini_openid"
)

// ListRef names a stored list.
type ListRef struct {
	ID   int64    `json:"id"`
	Kind ListKind `json:"kind"`
}

// List is a CSV of people, kept while a broadcast needs it.
type List struct {
	ListRef
	AccountID int64
	Digest    string // of the file's bytes
	Rows      int64
}

// ListRow is one person of a list.
type ListRow struct {
	Line int               `json:"line"` // in the file, from 1
	ID   string            `json:"id"`
	Vars map[string]string `json:"vars"` // the other columns
}

// DuplicateRowError: two rows of a list are about the same person.
type DuplicateRowError struct {
	ID          string
	Line, First int // the first may be 0, when it is not known
}

func (e *DuplicateRowError) Error() string {
	return fmt.Sprintf("line %d: %q stands on line %d already", e.Line, e.ID, e.First)
}
