package serve_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Whoever scans the code is a tester, whether they followed before or not, and gets the tests;
// at most as many as one test goes to, and nobody after its end.
func TestAScanMakesATester(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		a, err := account.Open(t.Context(), b.cfg, b.cfg.Accounts[0], slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer a.CloseAll()
		ctx := account.As(t.Context(), "ops", "")
		testers := func() (openids []string) {
			t.Helper()
			all, err := a.Testers(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range all {
				openids = append(openids, one.OpenID)
			}
			return openids
		}
		person := func(n int) string { openid, _ := b.sim.FollowerIDs(n); return openid }

		code, err := a.TesterCode(ctx)
		if err != nil {
			t.Fatal(err)
		}
		gone := person(1)
		b.sim.Leave(gone)
		eventually(t, "who left is gone", func() bool { return !b.follower(t, gone).Subscribed })
		for _, openid := range []string{person(0), gone} {
			if !b.sim.Scan(openid, code.URL) {
				t.Fatalf("%s cannot scan %s", openid, code.URL)
			}
		}
		b.sim.Scan(person(2), "a scene of the company's own")
		eventually(t, "both are testers", func() bool { return len(testers()) == 2 })
		eventually(t, "who follows by the code is a follower", func() bool { return b.follower(t, gone).Subscribed })
		if got := testers(); !slices.Contains(got, person(0)) || !slices.Contains(got, gone) {
			t.Errorf("testers %v, want those who scanned the code", got)
		}

		for n := range 40 { // somebody has put the code on a wall
			b.sim.Scan(person(10+n), code.URL)
		}
		eventually(t, "no more than one test goes to", func() bool { return len(testers()) == wxcast.TestersMax })
		eventually(t, "all that was told is applied", func() bool {
			pending, err := b.db.PendingCallbacks(t.Context(), b.account, 1)
			return err == nil && len(pending) == 0
		})
		if n := len(testers()); n != wxcast.TestersMax {
			t.Errorf("%d testers, want at most %d", n, wxcast.TestersMax)
		}
		if _, err := a.AddTesters(ctx, []string{person(100)}); err == nil {
			t.Error("one more than there may be was added by hand")
		}
		if _, err := a.RemoveTesters(ctx, testers()[2:]); err != nil {
			t.Fatal(err)
		}
		if _, err := a.AddTesters(ctx, []string{"nobody"}); err == nil {
			t.Error("somebody who follows nothing is a tester")
		}

		path := filepath.Join(t.TempDir(), "spec.yaml")
		yaml := fmt.Sprintf("name: x\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\n"+
			"audience: {bridged: any}\n", b.sim.TemplateID)
		if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		spec, err := account.ReadSpec(account.SpecFile{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := a.TestBroadcast(ctx, spec, []string{account.AllTesters})
		if err != nil || len(sent) != 2 || !sent[0].Sent || !sent[1].Sent {
			t.Errorf("sent %+v (%v): want a message to each of the two testers", sent, err)
		}

		b.sim.MoveClock(time.Hour)
		if _, err := a.RemoveTesters(ctx, testers()); err != nil {
			t.Fatal(err)
		}
		_, err = a.TestBroadcast(ctx, spec, []string{account.AllTesters})
		if want := "there are no testers"; err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil), want) {
			t.Errorf("%v, want %q", err, want)
		}
	})
}
