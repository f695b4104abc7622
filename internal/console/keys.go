package console

import (
	"strconv"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type keysView struct {
	Keys   []wxcast.APIKey
	Scopes []wxcast.Scope
	Now    time.Time
	Made   string // a key's text, just made: it is shown this once
	Name   string
}

func (c *call) keys() error { return c.keysWith("", "") }

func (c *call) keysWith(name, made string) error {
	all, err := c.Account.Keys(c.ctx())
	if err != nil {
		return err
	}
	return c.show("keys", keysView{all, c.scopes(), c.Account.Now(), made, name})
}

// rightFor is what a user needs to give a key a scope: nobody gives what they have not.
var rightFor = map[wxcast.Scope]access.Right{
	wxcast.ScopeRead: access.RightRead, wxcast.ScopeSend: access.RightSend, wxcast.ScopePeople: access.RightPeople,
	wxcast.ScopeSync: access.RightSync, wxcast.ScopeToken: access.RightSync, wxcast.ScopeAudit: access.RightAudit,
	wxcast.ScopeEvents: access.RightPeople,
}

// scopes are those that the user may give a key.
func (c *call) scopes() (all []wxcast.Scope) {
	for _, s := range wxcast.Scopes {
		if right, ok := rightFor[s]; ok && c.May(right) {
			all = append(all, s)
		}
	}
	return all
}

func (c *call) createKey() error {
	n := account.NewKey{Name: c.Value("name"), Scopes: c.r.PostForm["scope"]}
	for _, s := range n.Scopes {
		if right, ok := rightFor[wxcast.Scope(s)]; ok && !c.May(right) {
			return errForbidden
		}
	}
	if text := c.Value("days"); text != "" {
		var err error
		if n.Days, err = strconv.Atoi(text); err != nil {
			return &wxcast.BadInput{Key: "days", Problem: wxcast.Say("input.whole", "value", text, "low", 0, "high",
				account.KeyDaysMax)}
		}
	}
	k, text, err := c.Account.CreateKey(c.ctx(), n)
	if err != nil {
		return err
	}
	return c.keysWith(k.Name, text)
}

func (c *call) revokeKey() error {
	if err := c.Account.RevokeKey(c.ctx(), c.r.PathValue("name")); err != nil {
		return err
	}
	return c.to(c.Of("/keys"), "key_revoked")
}

// KeyState is how things stand with a key, in a word.
func (c *call) KeyState(k wxcast.APIKey, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return c.T("key.revoked_at", "at", k.RevokedAt)
	case !k.Good(now):
		return c.T("key.expired_at", "at", k.ExpiresAt)
	case !k.ExpiresAt.IsZero():
		return c.T("key.good_until", "at", k.ExpiresAt)
	}
	return c.T("key.good")
}

// Scopes writes a key's scopes.
func (c *call) Scopes(k wxcast.APIKey) string { return wxcast.JoinScopes(k.Scopes, ", ") }

type auditView struct {
	Entries []wxcast.AuditEntry
	Before  int64 // those before this one come next; 0 for none
	Of      string
	Check   *account.AuditCheck
}

func (c *call) audit() error { return c.auditWith(nil) }

func (c *call) auditWith(check *account.AuditCheck) error {
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // 0: from the latest
	v := auditView{Of: c.Query("of"), Check: check}
	var err error
	if v.Entries, err = c.Account.Audit(c.ctx(), before, rowsShown, v.Of); err != nil {
		return err
	}
	if n := len(v.Entries); n == rowsShown {
		v.Before = v.Entries[n-1].ID
	}
	return c.show("audit", v)
}

func (c *call) verifyAudit() error {
	check, err := c.Account.VerifyAudit(c.ctx(), c.Value("head"))
	if err != nil {
		return err
	}
	return c.auditWith(&check)
}
