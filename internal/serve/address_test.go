package serve_test

import (
	"net/http"
	"testing"

	"github.com/wxcast/wxcast/internal/serve"
)

func TestWhoSendsARequest(t *testing.T) {
	for name, test := range map[string]struct {
		behind    bool
		remote    string
		forwarded []string
		want      string
	}{
		"directly":                     {false, "192.0.2.1:1234", []string{"203.0.113.9"}, "192.0.2.1"},
		"by the proxy":                 {true, "10.0.0.1:1", []string{"203.0.113.9, 192.0.2.7"}, "192.0.2.7"},
		"by the proxy, in a last line": {true, "10.0.0.1:1", []string{"203.0.113.9", "192.0.2.7"}, "192.0.2.7"},
		"with a port":                  {true, "10.0.0.1:1", []string{"192.0.2.7:99"}, "192.0.2.7"},
		"no line":                      {true, "10.0.0.1:1", nil, "10.0.0.1"},
		"IPv6":                         {false, "[2001:db8:1:2:3:4:5:6]:1", nil, "2001:db8:1:2::/64"},
		"IPv6 behind a proxy":          {true, "10.0.0.1:1", []string{"2001:db8:1:2::9"}, "2001:db8:1:2::/64"},
		"IPv4 in IPv6":                 {false, "[::ffff:192.0.2.1]:1", nil, "::ffff:192.0.2.1"},
	} {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := serve.Address(test.behind)(r); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
