package account

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

var _ access.UserStore = (*store.DB)(nil)

// House is the company: its accounts on one store, and the people who use the console. A change
// of who may come in stands in the audit log of each account that it is about.
type House struct {
	Accounts []*Account // as configured
	Users    *access.Users

	cfg *config.Config
	db  *store.DB
	log *slog.Logger
}

// NewHouse makes the house of accounts that are open on one store.
func NewHouse(cfg *config.Config, db *store.DB, accounts []*Account, log *slog.Logger) *House {
	c := cfg.Console
	return &House{Accounts: accounts, cfg: cfg, db: db, log: log, Users: access.NewUsers(db,
		access.Policy{PartedDuties: c.PartedDuties, TOTPRequired: c.RequireTOTP}, c.SessionFor, c.SessionIdle)}
}

// OpenHouse opens the store and all accounts on it. Close closes them.
func OpenHouse(ctx context.Context, cfg *config.Config, log *slog.Logger) (*House, error) {
	if len(cfg.Accounts) == 0 {
		_, err := cfg.Account("") // which tells what is missing
		return nil, err
	}
	db, err := OpenStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return houseOn(ctx, db, cfg, log)
}

// houseOn is the house on an open store, which closes with it, or at once where it cannot be.
func houseOn(ctx context.Context, db *store.DB, cfg *config.Config, log *slog.Logger) (*House, error) {
	h := NewHouse(cfg, db, nil, log)
	for _, of := range cfg.Accounts {
		a, err := On(ctx, db, cfg, of, log)
		if err != nil {
			h.Close()
			return nil, err
		}
		h.Accounts = append(h.Accounts, a)
	}
	return h, nil
}

// Close closes what OpenHouse opened.
func (h *House) Close() {
	for _, a := range h.Accounts {
		a.Close()
	}
	_ = h.db.Close()
}

// Config is the company's.
func (h *House) Config() *config.Config { return h.cfg }

// Account finds one by its name; nil for none.
func (h *House) Account(name string) *Account {
	for _, a := range h.Accounts {
		if a.Name() == name {
			return a
		}
	}
	return nil
}

// May tells whether a user may do something in an account; nil is the house.
func (h *House) May(u wxcast.User, a *Account, right access.Right) bool {
	if a == nil {
		return h.Users.Policy.May(u, 0, right)
	}
	return h.Users.Policy.May(u, a.ID, right)
}

// concerned are the accounts that grants are about.
func (h *House) concerned(grants ...wxcast.Grant) (all []*Account) {
	for _, a := range h.Accounts {
		if slices.ContainsFunc(grants, func(g wxcast.Grant) bool { return g.AccountID == 0 || g.AccountID == a.ID }) {
			all = append(all, a)
		}
	}
	return all
}

// auditedIn is audited in several accounts' logs.
func auditedIn[T any](ctx context.Context, accounts []*Account, action, target string, do func() (T, error)) (T,
	error) {
	if len(accounts) == 0 {
		return do()
	}
	return audited(ctx, accounts[0], action, target, func(*entry) (T, error) {
		return auditedIn(ctx, accounts[1:], action, target, do)
	})
}

// User is a user as people are told of them: accounts by their names.
type User struct {
	wxcast.User
	Roles []string `json:"roles"` // such as "admin", or "viewer@shop" for one account
}

// UserState is how things stand with a user, in a word.
func UserState(u wxcast.User) wxcast.Sentence {
	switch {
	case !u.DisabledAt.IsZero():
		return wxcast.Say("user.state_disabled", "at", u.DisabledAt)
	case u.Invited:
		return wxcast.Say("user.state_invited")
	case u.Federated:
		return wxcast.Say("user.state_federated")
	case u.TOTP:
		return wxcast.Say("user.state_totp")
	}
	return wxcast.Say("user.state_good")
}

// NewUser asks for a user.
type NewUser struct {
	Name   string
	Roles  []string // such as "admin", or "viewer@shop" for one account
	People bool     // may see persons
}

// Invitation is a user with the one-time link by which they choose a password.
type Invitation struct {
	User
	Link       string    `json:"link,omitempty"`        // "" where the company's own sign-in lets them in
	LinkEndsAt time.Time `json:"link_ends_at,omitzero"` // UTC
}

// CreateUser makes a user and returns their one-time link, which is not kept. Audited.
func (h *House) CreateUser(ctx context.Context, n NewUser) (Invitation, error) {
	n.Name = strings.ToLower(n.Name)
	if !access.UserName.MatchString(n.Name) {
		return Invitation{}, &wxcast.BadInput{Key: "name", Problem: wxcast.Say("input.invalid", "value", n.Name),
			Want: wxcast.Say("user.want_name")}
	}
	grants, err := h.grants(n.Roles)
	if err != nil {
		return Invitation{}, err
	}
	u := wxcast.User{Name: n.Name, Grants: grants, People: n.People, Invited: true}
	return auditedIn(ctx, h.concerned(grants...), "create-user", h.target(u), func() (Invitation, error) {
		link, ends := access.NewLink(), h.db.Now().Add(access.LinkLife)
		added, err := h.db.AddUser(ctx, u, link, ends)
		if err == nil && !added {
			err = conflict("user.taken", "name", n.Name)
		}
		u.CreatedAt = h.db.Now()
		return Invitation{User{u, h.roles(u)}, h.linkURL(link), ends}, err
	})
}

// target is a user and what they may do, for the audit log.
func (h *House) target(u wxcast.User) string {
	text := u.Name + ": " + strings.Join(h.roles(u), " ")
	if u.People {
		text += " people"
	}
	return text
}

// linkURL is where a one-time link leads.
func (h *House) linkURL(link string) string {
	base := h.cfg.Console.URL
	if base == "" {
		base = "http://"
		if h.cfg.Serve.TLS.CertFile != "" {
			base = "https://"
		}
		base += h.cfg.Serve.Listen
	}
	return base + "/invitation/" + link
}

// grants reads roles such as "admin" and "viewer@shop".
func (h *House) grants(roles []string) (all []wxcast.Grant, err error) {
	for _, text := range roles {
		name, at, ofOne := strings.Cut(strings.TrimSpace(text), "@")
		role, ok := wxcast.ParseRole(name)
		if !ok {
			return nil, &wxcast.BadInput{Key: "role", Problem: wxcast.Say("input.invalid", "value", text),
				Want: wxcast.Say("user.want_roles", "known", wxcast.Roles)}
		}
		g := wxcast.Grant{Role: role}
		if ofOne {
			a := h.Account(at)
			if a == nil {
				return nil, &wxcast.BadInput{Key: "role", Problem: wxcast.Say("user.no_account", "account", at),
					Want: wxcast.Say("input.use", "known", h.names())}
			}
			g.AccountID = a.ID
		}
		if !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	if len(all) == 0 {
		return nil, &wxcast.BadInput{Key: "role", Problem: wxcast.Say("input.missing"),
			Want: wxcast.Say("user.want_roles", "known", wxcast.Roles)}
	}
	return all, nil
}

func (h *House) names() (all []string) {
	for _, a := range h.Accounts {
		all = append(all, a.Name())
	}
	return all
}

// roles writes a user's grants; one in an account that is configured no more is left out.
func (h *House) roles(u wxcast.User) []string {
	all := []string{}
	for _, g := range u.Grants {
		switch i := slices.IndexFunc(h.Accounts, func(a *Account) bool { return a.ID == g.AccountID }); {
		case g.AccountID == 0:
			all = append(all, string(g.Role))
		case i >= 0:
			all = append(all, string(g.Role)+"@"+h.Accounts[i].Name())
		}
	}
	return all
}

// ListUsers lists all users by name.
func (h *House) ListUsers(ctx context.Context) ([]User, error) {
	users, err := h.db.Users(ctx)
	all := make([]User, len(users))
	for i, u := range users {
		all[i] = User{u, h.roles(u)}
	}
	return all, err
}

// user finds a user by name.
func (h *House) user(ctx context.Context, name string) (wxcast.User, error) {
	u, _, found, err := h.db.User(ctx, strings.ToLower(name))
	if err == nil && !found {
		err = notFound("user.none", "name", name)
	}
	return u, err
}

// changeUser is a change of a user, by name, in the logs of the accounts that they are in.
func (h *House) changeUser(ctx context.Context, action, name string, do func(wxcast.User) (User, error)) (User, error) {
	u, err := h.user(ctx, name)
	if err != nil {
		return User{}, err
	}
	return auditedIn(ctx, h.concerned(u.Grants...), action, u.Name, func() (User, error) { return do(u) })
}

// Provision finds the user whom the company's own sign-in vouches for, or makes them: their roles are
// those of their groups, as of now. Audited where something changes.
func (h *House) Provision(ctx context.Context, p access.Person) (wxcast.User, error) {
	rules := h.cfg.Console.SSO
	var roles []string
	people := false
	for _, group := range p.Groups {
		roles = append(roles, rules.Roles[group]...)
		people = people || slices.Contains(rules.People, group)
	}
	grants := []wxcast.Grant{} // whose sessions then may do nothing
	var err error
	if len(roles) > 0 {
		if grants, err = h.grants(roles); err != nil {
			return wxcast.User{}, err
		}
	}
	slices.SortFunc(grants, byRole) // the provider tells groups in any order
	u, found, err := h.db.UserBySubject(ctx, p.Subject)
	switch {
	case err != nil:
		return u, err
	case found && !u.DisabledAt.IsZero():
		return u, conflict("user.is_disabled", "name", u.Name)
	}
	before, saw := slices.Clone(u.Grants), u.People
	slices.SortFunc(before, byRole)
	u.Grants, u.People = grants, people && len(grants) > 0
	if found && (!slices.Equal(before, grants) || u.People != saw) {
		u, err = auditedIn(ctx, h.concerned(append(before, grants...)...), "grant-user", h.target(u),
			func() (wxcast.User, error) { return u, h.db.GrantUser(ctx, u) })
	}
	switch {
	case err != nil || found && len(grants) > 0:
		return u, err
	case len(grants) == 0:
		return u, conflict("user.no_group", "name", p.Name)
	}
	u.Name = p.Name
	return auditedIn(ctx, h.concerned(grants...), "create-user", h.target(u), func() (wxcast.User, error) {
		added, err := h.db.AddFederatedUser(ctx, u, p.Subject)
		if err == nil && !added {
			err = conflict("user.name_taken", "name", p.Name)
		}
		if err != nil {
			return u, err
		}
		u, _, err := h.db.UserBySubject(ctx, p.Subject)
		return u, err
	})
}

// byRole is an order of grants.
func byRole(a, b wxcast.Grant) int {
	return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.AccountID, b.AccountID))
}

// DisableUser shuts a user out at once, everywhere. Audited.
func (h *House) DisableUser(ctx context.Context, name string) (User, error) {
	return h.changeUser(ctx, "disable-user", name, func(u wxcast.User) (User, error) {
		u.DisabledAt = h.db.Now()
		return User{u, h.roles(u)}, h.db.DisableUser(ctx, u.ID, u.DisabledAt)
	})
}

// ResetUser takes a user's password and second factor away, lets them in again where they were
// disabled, and returns a one-time link. Audited.
func (h *House) ResetUser(ctx context.Context, name string) (i Invitation, err error) {
	i.User, err = h.changeUser(ctx, "reset-user", name, func(u wxcast.User) (User, error) {
		if u.Federated && u.DisabledAt.IsZero() {
			return User{}, conflict("user.federated", "name", u.Name)
		}
		if u.DisabledAt = (time.Time{}); u.Federated { // the company's sign-in knows them
			return User{u, h.roles(u)}, h.db.DisableUser(ctx, u.ID, time.Time{})
		}
		link := access.NewLink()
		i.Link, i.LinkEndsAt = h.linkURL(link), h.db.Now().Add(access.LinkLife)
		u.TOTP, u.Invited = false, true
		return User{u, h.roles(u)}, h.db.ResetUser(ctx, u.ID, link, i.LinkEndsAt)
	})
	return i, err
}

// GrantUser gives a user other roles. Audited.
func (h *House) GrantUser(ctx context.Context, n NewUser) (User, error) {
	grants, err := h.grants(n.Roles)
	if err != nil {
		return User{}, err
	}
	u, err := h.user(ctx, n.Name)
	if err != nil {
		return User{}, err
	}
	accounts := h.concerned(append(slices.Clone(u.Grants), grants...)...)
	u.Grants, u.People = grants, n.People
	return auditedIn(ctx, accounts, "grant-user", h.target(u), func() (User, error) {
		return User{u, h.roles(u)}, h.db.GrantUser(ctx, u)
	})
}

// Tried writes down that a user signed in, or did not: in the logs of the accounts that they
// are in.
func (h *House) Tried(ctx context.Context, u wxcast.User, origin, outcome string) {
	for _, a := range h.concerned(u.Grants...) {
		if _, err := a.write(ctx, wxcast.AuditEntry{Actor: UserActor(u.Name), Origin: origin, Action: "sign-in",
			Outcome: outcome}); err != nil {
			h.log.ErrorContext(ctx, "a sign-in was not written down", "user", u.Name, "err", err)
		}
	}
}

// OwnChange is what a user changes of themselves: a password, a second factor, their sessions.
// Audited.
func (h *House) OwnChange(ctx context.Context, u wxcast.User, action string, do func() error) error {
	_, err := auditedIn(ctx, h.concerned(u.Grants...), action, u.Name, func() (struct{}, error) {
		return struct{}{}, do()
	})
	return err
}
