package serve

import (
	"net"
	"net/http"
	"strings"
)

// Address finds who sends a request. forwardedFor: the server stands behind a proxy of
// ours, whose X-Forwarded-For ends with the sender's address.
func Address(forwardedFor bool) func(r *http.Request) string {
	return func(r *http.Request) string {
		if forwardedFor {
			all := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
			if last := strings.TrimSpace(all[len(all)-1]); last != "" {
				return last
			}
		}
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			return r.RemoteAddr
		}
		return host
	}
}
