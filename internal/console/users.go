package console

import (
	"strings"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type usersView struct {
	Users    []account.User
	Roles    []wxcast.Role
	Accounts []string
	Invited  *account.Invitation // just made: its link is shown this once
}

func (c *call) users() error { return c.usersWith(nil) }

func (c *call) usersWith(invited *account.Invitation) error {
	all, err := c.con.House.ListUsers(c.ctx())
	if err != nil {
		return err
	}
	v := usersView{Users: all, Roles: wxcast.Roles, Invited: invited}
	for _, a := range c.con.House.Accounts {
		v.Accounts = append(v.Accounts, a.Name())
	}
	return c.show("users", v)
}

// UserState is how things stand with a user.
func (c *call) UserState(u account.User) string { return c.Say(account.UserState(u.User)) }

func (c *call) newUser(name string) account.NewUser {
	_ = c.r.ParseForm() // what cannot be read is not there, and missed by the use case
	n := account.NewUser{Name: name, Roles: c.r.PostForm["role"], People: c.Value("people") != ""}
	if of := c.Value("of"); of != "" {
		for i := range n.Roles {
			n.Roles[i] += "@" + of
		}
	}
	return n
}

func (c *call) createUser() error {
	i, err := c.con.House.CreateUser(c.ctx(), c.newUser(c.Value("name")))
	if err != nil {
		return err
	}
	return c.usersWith(&i)
}

func (c *call) grantUser() error {
	if err := c.notSelf(); err != nil {
		return err
	}
	if _, err := c.con.House.GrantUser(c.ctx(), c.newUser(c.r.PathValue("name"))); err != nil {
		return err
	}
	return c.to(c.URL("/users"), "granted")
}

// notSelf refuses to change oneself: to be shut out by mistake, and to be let into more.
func (c *call) notSelf() error {
	if strings.EqualFold(c.r.PathValue("name"), c.User.Name) {
		return &wxcast.BadInput{Problem: wxcast.Say("console.not_self")}
	}
	return nil
}

func (c *call) disableUser() error {
	if err := c.notSelf(); err != nil {
		return err
	}
	if _, err := c.con.House.DisableUser(c.ctx(), c.r.PathValue("name")); err != nil {
		return err
	}
	return c.to(c.URL("/users"), "disabled")
}

func (c *call) resetUser() error {
	if err := c.notSelf(); err != nil {
		return err
	}
	i, err := c.con.House.ResetUser(c.ctx(), c.r.PathValue("name"))
	if err != nil {
		return err
	}
	return c.usersWith(&i)
}
