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
	b.env["WXCAST_SERVE_LISTEN"] = "127.0.0.1:1"
	if o := b.run(t, "health"); o.code != 1 || !strings.Contains(o.err, "is not ready") {
		t.Errorf("nobody listens: %+v", o)
	}
}
