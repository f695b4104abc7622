package console

import (
	"context"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// ctxOf is the request's context with a user who asks, who has not signed in yet.
func (c *call) ctxOf(u wxcast.User) context.Context {
	return account.AsUser(c.r.Context(), u.Name, c.address())
}

type profileView struct {
	Sessions []wxcast.UserSession
	Secret   string
	QR       qrCode
	Required bool
}

func (c *call) profile() error {
	users := c.con.House.Users
	sessions, err := users.Store.UserSessions(c.r.Context(), c.User.ID, users.SessionIdle)
	if err != nil {
		return err
	}
	v := profileView{Sessions: sessions, Required: users.Policy.TOTPRequired}
	v.Secret, v.QR = c.secondFactor(c.User.Name)
	return c.show("profile", v)
}

func (c *call) changePassword() error {
	err := c.con.House.OwnChange(c.ctx(), c.User, "change-password", func() error {
		return c.con.House.Users.ChangePassword(c.r.Context(), c.User, c.Value("old_password"), c.Value("password"),
			c.token)
	})
	if err != nil {
		return err
	}
	return c.to(c.URL("/me"), "password")
}

func (c *call) changeTOTP() error {
	secret, _ := c.secondFactor(c.User.Name)
	err := c.con.House.OwnChange(c.ctx(), c.User, "change-totp", func() error {
		return c.con.House.Users.SetTOTP(c.r.Context(), c.User, c.Value("old_password"), secret, c.Value("code"),
			c.token)
	})
	if err != nil {
		return err
	}
	return c.to(c.URL("/me"), "totp")
}

// endSessions ends all of the user's sessions but this one.
func (c *call) endSessions() error {
	err := c.con.House.OwnChange(c.ctx(), c.User, "end-sessions", func() error {
		return c.con.House.Users.Store.EndUserSessions(c.r.Context(), c.User.ID, c.token)
	})
	if err != nil {
		return err
	}
	return c.to(c.URL("/me"), "sessions")
}
