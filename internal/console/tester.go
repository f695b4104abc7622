package console

import (
	"net/http"
	"strings"

	"github.com/wxcast/wxcast/internal/account"
)

// testersView is who gets tests, and, where one was just made, the QR code by which one becomes one.
type testersView struct {
	Testers []account.Tester
	Code    *account.TesterCode
	QR      qrCode
	Why     string // what was asked for was not done
}

func (c *call) testers() error { return c.testersWith(testersView{}) }

func (c *call) testersWith(v testersView) (err error) {
	if v.Testers, err = c.Account.Testers(c.ctx()); err != nil {
		return err
	}
	return c.part("draft", "testers", v)
}

// testerCode shows a QR code that makes a tester of whoever scans it; the page looks who has.
func (c *call) testerCode() error {
	code, err := c.Account.TesterCode(c.ctx())
	if err != nil {
		if status(err) == http.StatusInternalServerError {
			return err
		}
		return c.part("draft", "testercode", testersView{Why: c.reason(err)})
	}
	return c.part("draft", "testercode", testersView{Code: &code, QR: newQR(code.URL)})
}

// addTester makes a tester of somebody by their openid.
func (c *call) addTester() error {
	_, err := c.Account.AddTesters(c.ctx(), []string{strings.TrimSpace(c.Value("to"))})
	if err != nil && status(err) >= http.StatusInternalServerError {
		return err
	}
	v := testersView{}
	if err != nil {
		v.Why = c.reason(err)
	}
	return c.testersWith(v)
}

func (c *call) removeTester() error {
	if _, err := c.Account.RemoveTesters(c.ctx(), []string{c.Value("openid")}); err != nil &&
		status(err) != http.StatusNotFound { // somebody else was first
		return err
	}
	return c.testers()
}
