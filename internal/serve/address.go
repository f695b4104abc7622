package serve

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Address finds who sends a request. forwardedFor: the server stands behind a proxy of
// ours, whose X-Forwarded-For ends with the sender's address.
func Address(forwardedFor bool) func(r *http.Request) string {
	return func(r *http.Request) string {
		if forwardedFor {
			// A client may send lines of its own; the proxy's is the last.
			all := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			if last := strings.TrimSpace(all[len(all)-1]); last != "" {
				return network(last)
			}
		}
		return network(r.RemoteAddr)
	}
}

// network is an address without its port; of IPv6 the network that one customer has, who may
// come from any of its addresses.
func network(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	customer, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return customer.String()
}
