package wechat

import "regexp"

const (
	codeNotWhitelisted = 40164
	codeNotRegistered  = 45035 // the same, of some APIs
)

// refusedIP is the address in "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist".
var refusedIP = regexp.MustCompile(`invalid ip ([0-9a-fA-F.:]{3,45})`)

// OffWhitelist tells whether WeChat refused a call for the address that it came from, and
// which that is; "" where it does not say. For an official account every call is checked, so
// that this may come in the middle of anything, when the address of this machine changes.
// Source: oplatform/developers/basic_func/ip_whitelist, read 2026-11.
func OffWhitelist(err error) (ip string, off bool) {
	if code := CodeOf(err); code != codeNotWhitelisted && code != codeNotRegistered {
		return "", false
	}
	if found := refusedIP.FindStringSubmatch(err.Error()); found != nil {
		ip = found[1]
	}
	return ip, true
}
