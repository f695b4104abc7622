package store_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// raw is a connection past the store.
func raw(t *testing.T, url string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("postgres", url)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A server that takes no writes, as a standby that is being promoted, is away: it is waited
// for, and nothing is lost.
func TestAServerThatIsReadOnlyIsWaitedFor(t *testing.T) {
	t.Parallel()
	pair := storetest.Pair(t)
	primary, err := store.Open(t.Context(), pair.URL)
	must(t, err)
	defer primary.Close()
	_, _, err = primary.Migrate(t.Context())
	must(t, err)
	w := newWorld(t, primary)
	must(t, primary.CheckWrites(t.Context()))
	standby, err := store.Open(t.Context(), pair.StandbyURL())
	must(t, err)
	defer standby.Close()
	if err := standby.CheckWrites(t.Context()); err == nil {
		t.Error("a standby takes writes")
	}
	var promoted sync.WaitGroup
	promoted.Go(func() {
		if err := pair.Failover(context.Background()); err != nil {
			t.Error(err)
		}
	})
	defer promoted.Wait()
	if added, _, err := standby.AddOptOuts(t.Context(), w.account, []string{"o"}, "test"); err != nil || added != 1 {
		t.Errorf("%d were added (%v): a server that is being promoted takes a moment", added, err)
	}
	must(t, standby.CheckWrites(t.Context()))
}

// Another program's tables are not ours, whatever they are called, and a role that may make
// none is told what to grant.
func TestAnothersVersionIsNotOurs(t *testing.T) {
	rawURL := storetest.EmptyPostgresURL(t)
	other := raw(t, rawURL)
	for _, statement := range []string{
		"CREATE TABLE goose_db_version (id serial, version_id bigint, is_applied boolean, tstamp timestamp DEFAULT now())",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, TRUE), (1, TRUE)",
	} {
		_, err := other.ExecContext(t.Context(), statement)
		must(t, err)
	}
	db, err := store.Open(t.Context(), rawURL)
	must(t, err)
	defer db.Close()
	if err := db.CheckSchema(t.Context()); err == nil {
		t.Fatal("another program's version is taken for ours")
	}
	_, _, err = db.Migrate(t.Context())
	must(t, err)
	must(t, db.CheckSchema(t.Context()))
	_, err = other.ExecContext(t.Context(), "ALTER TABLE apps RENAME TO apps_gone")
	must(t, err)
	if err := db.CheckSchema(t.Context()); err == nil {
		t.Error("a schema without our tables is right")
	}
}

func TestARoleThatMayMakeNoTables(t *testing.T) {
	rawURL := storetest.EmptyPostgresURL(t)
	other := raw(t, rawURL)
	role := "wxcast_narrow_" + strings.ToLower(wxcast.NewMessageKey())
	for _, statement := range []string{"CREATE ROLE " + role + " LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"} {
		_, err := other.ExecContext(t.Context(), statement)
		must(t, err)
	}
	t.Cleanup(func() { _, _ = other.ExecContext(context.Background(), "DROP ROLE "+role) })
	u, err := url.Parse(rawURL)
	must(t, err)
	u.User = url.User(role)
	db, err := store.Open(t.Context(), u.String())
	must(t, err)
	defer db.Close()
	_, _, err = db.Migrate(t.Context())
	if said := text.English.Error(err, text.NoDoor, nil); err == nil ||
		!strings.Contains(said, "GRANT USAGE, CREATE ON SCHEMA public TO "+role) {
		t.Errorf("%s", said)
	}
}
