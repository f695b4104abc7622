package cli_test

import (
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestHealthIsTheExitCode(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLiteURL(t), simulator.Options{Followers: 3, Seed: 71})
	b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = "127.0.0.1:0", "off"
	r := b.serve(t)
	b.env["WXCAST_SERVE_LISTEN"] = strings.TrimPrefix(r.base, "http://")
	if o := b.run(t, "health"); o.code != 0 || !strings.Contains(o.out, "/readyz") {
		t.Errorf("a process that is ready: %+v", o)
	}
	if o := b.run(t, "doctor", "--json"); !strings.Contains(o.out, "wxcast serve: HTTP at 127.0.0.1") ||
		!strings.Contains(o.out, "to WeChat (127.0.0.1): on this machine") {
		t.Errorf("doctor does not say how connections are protected: %s", o.out)
	}
	b.env["WXCAST_SERVE_KEY_DAYS"] = "30"
	if o := b.run(t, "key", "create", "brief", "--scope", "read", "--json"); o.json(t)["expires_at"] == nil {
		t.Errorf("a key without --days has no end, where serve.key_days is 30: %s", o.out)
	}
	b.env["WXCAST_SERVE_LISTEN"] = "127.0.0.1:1"
	if o := b.run(t, "health"); o.code != 1 || !strings.Contains(o.err, "is not ready") {
		t.Errorf("nobody listens: %+v", o)
	}
}
