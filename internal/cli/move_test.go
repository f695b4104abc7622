package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A company outgrows SQLite in the middle of a broadcast: a sender is killed, the store is moved
// (the first try is killed, too), and the broadcast goes on from Postgres. Nobody is left out, and
// nobody gets it twice.
func TestABroadcastGoesOnAfterItsStoreWasMoved(t *testing.T) {
	t.Parallel()
	postgres := storetest.PostgresURL(t)
	file := filepath.Join(t.TempDir(), "wxcast.db")
	b := newBench(t, "sqlite://"+file, simulator.Options{Followers: 3000, Seed: 5,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	b.prepare(t)
	optedOut, _ := b.sim.FollowerIDs(0)
	if o := b.run(t, "optout", "add", optedOut); o.code != 0 {
		t.Fatalf("%+v", o)
	}
	sender := b.process("broadcast", "run", b.file("spec.yaml"), "--rate", "250")
	if err := sender.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "some are sent", func() bool { return len(b.sim.Received("template")) > 500 })

	move := []string{"migrate", "--from", "sqlite://" + file}
	onPostgres := map[string]string{"WXCAST_DATABASE_URL": postgres}
	if o := b.runWith(t, onPostgres, move...); o.code != 2 || !strings.Contains(o.err, "stop all wxcast processes") {
		t.Errorf("a store that is in use: %+v", o)
	}
	_ = sender.Process.Kill()
	_ = sender.Wait()
	first := b.process(move...)
	first.Env = append(first.Env, "WXCAST_DATABASE_URL="+postgres)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(150 * time.Millisecond)
	_ = first.Process.Kill()
	_ = first.Wait()

	o := b.runWith(t, onPostgres, append(move, "--json")...)
	if moved := o.json(t); number(t, moved, "rows") < 3*2990 {
		t.Errorf("%+v", o)
	}
	for _, args := range [][]string{{"broadcast", "run", b.file("spec.yaml")}, {"sync"}, {"broadcast", "list"}} {
		if o := b.run(t, args...); o.code != 2 || !strings.Contains(o.err, "was moved to") {
			t.Errorf("the old store does %v: %+v", args, o)
		}
	}
	done := b.runWith(t, onPostgres, "broadcast", "run", b.file("spec.yaml"), "--json").json(t)
	recipients := number(t, done, "recipients")
	if sent := number(t, done, "sent"); sent != 2999 || recipients != 3000 || done["state"] != "done" {
		t.Errorf("%v", done)
	}
	got := b.sim.Received("template")
	for openid, n := range got {
		if n > 1 {
			t.Errorf("%s got it %d times", openid, n)
		}
	}
	if got[optedOut] != 0 || int64(len(got)) != number(t, done, "sent") {
		t.Errorf("%d got it, and who had opted out %d", len(got), got[optedOut])
	}
	if o := b.runWith(t, onPostgres, "audit", "verify"); o.code != 0 {
		t.Errorf("%+v", o)
	}
	if o := b.runWith(t, onPostgres, "audit"); !strings.Contains(o.out, "move-store") {
		t.Errorf("%+v", o)
	}
	if o := b.runWith(t, onPostgres, move...); o.code != 0 || !strings.Contains(o.out, "before") {
		t.Errorf("again: %+v", o)
	}
}
