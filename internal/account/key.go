package account

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// KeyDaysMax is the longest life of a key, in days.
const KeyDaysMax = 3650

// NewKey asks for a key of the HTTP API.
type NewKey struct {
	Name   string
	Scopes []string
	Days   int // after how many it expires; 0 for what is configured
}

// CreateKey makes a key and returns its text, which is not kept. Audited.
func (a *Account) CreateKey(ctx context.Context, n NewKey) (k wxcast.APIKey, text string, err error) {
	err = auditedOnly(ctx, a, "create-key", n.Name, func(*entry) error {
		if k, err = n.key(); err != nil {
			return err
		}
		k.AccountID = a.ID
		if n.Days == 0 {
			n.Days = a.cfg.Serve.KeyDays
		}
		if n.Days > 0 {
			k.ExpiresAt = a.db.Now().Add(time.Duration(n.Days) * 24 * time.Hour)
		}
		var added bool
		if text, added, err = a.keys.Create(ctx, k); err == nil && !added {
			err = conflict("key.taken", "account", a.Name(), "name", k.Name)
		}
		return err
	})
	return k, text, err
}

func (n NewKey) key() (wxcast.APIKey, error) {
	k := wxcast.APIKey{Name: n.Name}
	if !access.KeyName.MatchString(n.Name) {
		return k, &wxcast.BadInput{Key: "name", Problem: wxcast.Say("input.invalid", "value", n.Name),
			Want: wxcast.Say("key.want_name")}
	}
	for _, text := range n.Scopes {
		scope, ok := wxcast.ParseScope(text)
		if !ok {
			return k, &wxcast.BadInput{Key: "scope", Problem: wxcast.Say("input.invalid", "value", text),
				Want: wxcast.Say("key.want_scopes", "known", wxcast.Scopes)}
		}
		if !k.May(scope) {
			k.Scopes = append(k.Scopes, scope)
		}
	}
	if len(k.Scopes) == 0 {
		return k, &wxcast.BadInput{Key: "scope", Problem: wxcast.Say("input.missing"),
			Want: wxcast.Say("key.want_scopes", "known", wxcast.Scopes)}
	}
	if n.Days < 0 || n.Days > KeyDaysMax {
		return k, &wxcast.BadInput{Key: "days", Problem: wxcast.Say("input.whole", "value", n.Days, "low", 0, "high",
			KeyDaysMax)}
	}
	return k, nil
}

// Keys lists the account's keys, the oldest first.
func (a *Account) Keys(ctx context.Context) ([]wxcast.APIKey, error) { return a.keys.List(ctx, a.ID) }

// RevokeKey ends a key at once. Audited.
func (a *Account) RevokeKey(ctx context.Context, name string) error {
	return auditedOnly(ctx, a, "revoke-key", name, func(*entry) error {
		revoked, err := a.keys.Revoke(ctx, a.ID, name)
		if err == nil && !revoked {
			err = notFound("key.none", "account", a.Name(), "name", name)
		}
		return err
	})
}
