//go:build unix

package siem

import (
	"log/syslog"
	"net/url"
)

// toSyslog sends lines to a syslog server as authpriv.notice. It connects with the first, and
// anew where a connection is lost.
func toSyslog(u *url.URL) func([]byte) error {
	network, address := u.Scheme, u.Host
	if network == "unix" {
		network, address = "unixgram", u.Path
	}
	var w *syslog.Writer
	return func(line []byte) (err error) {
		if w == nil {
			if w, err = syslog.Dial(network, address, syslog.LOG_NOTICE|syslog.LOG_AUTHPRIV, "wxcast"); err != nil {
				return err
			}
		}
		return w.Notice(string(line))
	}
}
