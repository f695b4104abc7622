package wxcast

import (
	"slices"
	"time"
)

// User is a person of the company who uses the console.
type User struct {
	ID        int64   `json:"-"`
	Name      string  `json:"name"`
	Grants    []Grant `json:"-"`
	People    bool    `json:"people"`              // may see persons: their ids, remarks and values
	TOTP      bool    `json:"totp"`                // has a second factor
	Federated bool    `json:"federated,omitempty"` // signs in by the company's issuer
	// Invited: has not yet chosen a password.
	Invited    bool      `json:"invited"`
	CreatedAt  time.Time `json:"created_at,omitzero"`   // UTC, as are the others
	DisabledAt time.Time `json:"disabled_at,omitzero"`  // zero: not
	LastSeenAt time.Time `json:"last_seen_at,omitzero"` // zero: never; to the minute
}

// Grant is a role in one account, or in all.
type Grant struct {
	Role      Role  `json:"role"`
	AccountID int64 `json:"account,omitempty"` // as the store numbers it; 0: in all
}

// Role is what a user is there for.
type Role string

// The roles.
const (
	RoleAdmin    Role = "admin"    // users and keys; all else, too, unless the duties are parted
	RoleOperator Role = "operator" // makes and steers broadcasts, runs jobs and imports
	RoleApprover Role = "approver" // lets others' broadcasts begin
	RoleViewer   Role = "viewer"   // sees how things stand
	RoleAuditor  Role = "auditor"  // sees who did what
)

// Roles are all roles.
var Roles = []Role{RoleAdmin, RoleOperator, RoleApprover, RoleViewer, RoleAuditor}

// ParseRole reads a role; false for one that there is not.
func ParseRole(text string) (Role, bool) { return Role(text), slices.Contains(Roles, Role(text)) }

// Credentials are what a user proves who they are with: a hash and a seed, never to be shown.
type Credentials struct {
	PasswordHash string // argon2id in PHC form; "" until one was chosen
	TOTPSecret   string // base32; "" for none
	Failed       int    // wrong tries since the last right one
	LockedUntil  time.Time
}

// UserSession is one place where a user has signed in.
type UserSession struct {
	ID        string    // the hash of its token
	UserID    int64     `json:"-"`
	CreatedAt time.Time // UTC, as are the others
	SeenAt    time.Time // to the minute
	EndsAt    time.Time
	Address   string // of the browser
	Agent     string // how it calls itself, shortened
}
