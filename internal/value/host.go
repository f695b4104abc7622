package value

import (
	"net"
	"strings"
)

// OnThisMachine tells whether a host, without its port, can be reached from this machine alone.
func OnThisMachine(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
