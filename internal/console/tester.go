package console

import (
	"net/http"

	"github.com/wxcast/wxcast/internal/account"
)

// testersView is who gets tests, and, where one was just made, the QR code by which one becomes one.
type testersView struct {
	Testers []account.Tester
	Code    *account.TesterCode
	QR      qrCode
	Why     string // there is no QR code
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

func (c *call) removeTester() error {
	if _, err := c.Account.RemoveTesters(c.ctx(), []string{c.Value("openid")}); err != nil &&
		status(err) != http.StatusNotFound { // somebody else was first
		return err
	}
	return c.testers()
}
