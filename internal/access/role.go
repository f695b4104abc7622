package access

import (
	"slices"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Right is something that a user may do in an account.
type Right string

// The rights.
const (
	RightRead    Right = "read"    // see counts and states: broadcasts, reports, jobs
	RightSend    Right = "send"    // make, test, start and steer broadcasts; keep presets
	RightApprove Right = "approve" // let another user's broadcast begin
	RightSync    Right = "sync"    // run jobs, import, take up webhooks, take people off and on the opt-out list
	RightKeys    Right = "keys"    // make and revoke API keys
	RightAudit   Right = "audit"   // see who did what
	RightPeople  Right = "people"  // see persons: ids, remarks, values
	RightForget  Right = "forget"  // delete a person's data: of who sees persons, and runs things
	RightUsers   Right = "users"   // say who else may come in: only of a role in all accounts
)

// Rights are all rights.
var Rights = []Right{RightRead, RightSend, RightApprove, RightSync, RightKeys, RightAudit, RightPeople, RightForget,
	RightUsers}

// rightsOf are what each role may do. People is not of a role: a user has it, or not.
var rightsOf = map[wxcast.Role][]Right{
	wxcast.RoleAdmin:    {RightRead, RightSend, RightApprove, RightSync, RightKeys, RightAudit, RightUsers},
	wxcast.RoleOperator: {RightRead, RightSend, RightSync},
	wxcast.RoleApprover: {RightRead, RightApprove},
	wxcast.RoleViewer:   {RightRead},
	wxcast.RoleAuditor:  {RightRead, RightAudit},
}

// partedAdmin is what an admin may do where the duties are parted: who says who comes in
// neither sends nor looks after themselves.
var partedAdmin = []Right{RightRead, RightKeys, RightUsers}

// Policy is what a company decides about its users.
type Policy struct {
	// PartedDuties: admins look after users and keys alone; operators send, auditors audit.
	PartedDuties bool
	TOTPRequired bool
}

// May tells whether a user may do something in an account; 0 is the house, in which only roles
// for all accounts count.
func (p Policy) May(u wxcast.User, accountID int64, right Right) bool {
	if right == RightPeople {
		return u.People && p.May(u, accountID, RightRead)
	}
	if right == RightForget {
		return u.People && p.May(u, accountID, RightSync)
	}
	if right == RightUsers {
		accountID = 0
	}
	for _, g := range u.Grants {
		if g.AccountID != 0 && g.AccountID != accountID {
			continue
		}
		rights := rightsOf[g.Role]
		if g.Role == wxcast.RoleAdmin && p.PartedDuties {
			rights = partedAdmin
		}
		if slices.Contains(rights, right) {
			return true
		}
	}
	return false
}
