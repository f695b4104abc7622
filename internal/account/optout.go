package account

import (
	"context"
	"fmt"
)

// OptOutChange is what a change of the opt-out list did.
type OptOutChange struct {
	Added   int64    `json:"added"`
	Removed int64    `json:"removed"`
	Unknown []string `json:"unknown"` // ids that are no follower's yet: they are on the list, too
}

// AddOptOuts puts people on the list of those who want no messages, by their openids,
// unionids or mini_openids, followers or not. Audited.
func (a *Account) AddOptOuts(ctx context.Context, ids []string) (OptOutChange, error) {
	return auditedOf(ctx, a, "add-optouts", people(ids), ids, func(*entry) (OptOutChange, error) {
		added, unknown, err := a.db.AddOptOuts(ctx, a.ID, ids, "by hand")
		return OptOutChange{Added: added, Unknown: append([]string{}, unknown...)}, err
	})
}

// RemoveOptOuts takes people off the list. Audited.
func (a *Account) RemoveOptOuts(ctx context.Context, ids []string) (OptOutChange, error) {
	return auditedOf(ctx, a, "remove-optouts", people(ids), ids, func(*entry) (OptOutChange, error) {
		removed, err := a.db.RemoveOptOuts(ctx, a.ID, ids)
		if err == nil && removed == 0 {
			err = notFound("optout.nobody", "ids", ids)
		}
		return OptOutChange{Removed: removed, Unknown: []string{}}, err
	})
}

// optOutBatch is how many rows of a file go into one transaction.
const optOutBatch = 2000

// ImportOptOuts puts everyone of a file on the list. Audited.
func (a *Account) ImportOptOuts(ctx context.Context, ids []string) (OptOutChange, error) {
	return auditedOf(ctx, a, "import-optouts", people(ids), ids, func(*entry) (OptOutChange, error) {
		r := OptOutChange{Unknown: []string{}}
		for from := 0; from < len(ids); from += optOutBatch {
			added, unknown, err := a.db.AddOptOuts(ctx, a.ID, ids[from:min(from+optOutBatch, len(ids))], "import")
			if err != nil {
				return r, err
			}
			r.Added, r.Unknown = r.Added+added, append(r.Unknown, unknown...)
		}
		return r, nil
	})
}

// people counts them, for the audit log, which names nobody.
func people(ids []string) string { return fmt.Sprintf("%d people", len(ids)) }
