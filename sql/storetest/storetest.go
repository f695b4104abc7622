// Package storetest gives tests throw-away stores on both engines. Tests that
// hold for any store run through Each.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// URLEnv names the environment variable with the Postgres server to test on.
// The databases made there are dropped again.
const URLEnv = "WXCAST_TEST_DATABASE_URL"

// Each runs a test on a fresh, migrated store of each engine.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	EachURL(t, func(t *testing.T, url string) { test(t, open(t, url)) })
}

// EachURL is Each for tests that open the store by themselves, or as several
// processes. The database is migrated.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	for name, newURL := range map[string]func(testing.TB) string{"sqlite": SQLiteURL, "postgres": PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // many tests wait more than they work
			test(t, newURL(t))
		})
	}
}

// SQLiteURL names a fresh, migrated SQLite store in the test's own folder.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	u := "sqlite://" + filepath.Join(t.TempDir(), "wxcast.db")
	migrate(t, u)
	return u
}

// PostgresURL names a fresh, migrated database on the test server, cloned from
// a template that is made once per schema. Without a server the test is skipped
// at home and fails in CI.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return postgresURL(t, postgresTemplate)
}

// EmptyPostgresURL is a database of its own with nothing in it.
func EmptyPostgresURL(t testing.TB) string {
	t.Helper()
	return postgresURL(t, func(testing.TB, string) string { return "template0" })
}

func postgresURL(t testing.TB, templateOf func(t testing.TB, server string) string) string {
	t.Helper()
	server := os.Getenv(URLEnv)
	if server == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set: in CI the Postgres tests must run (make test sets it)", URLEnv)
		}
		t.Skipf("%s is not set: NOT tested on Postgres (make test finds or starts one)", URLEnv)
	}
	template := templateOf(t, server)
	admin, err := sql.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	name := "wxcast_test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(),
		"CREATE DATABASE "+pq.QuoteIdentifier(name)+" TEMPLATE "+pq.QuoteIdentifier(template)); err != nil {
		t.Fatalf("clone the template database: %v", err)
	}
	t.Cleanup(func() {
		admin, err := sql.Open("postgres", server)
		if err != nil {
			return
		}
		defer admin.Close()
		if _, err := admin.Exec("DROP DATABASE IF EXISTS " + pq.QuoteIdentifier(name) + " WITH (FORCE)"); err != nil {
			t.Logf("drop %s: %v", name, err)
		}
	})
	return withDatabase(t, server, name)
}

var templateOnce sync.Mutex

// postgresTemplate makes, once per server and schema, the migrated database that
// tests clone. Test packages run as processes of their own, so an advisory lock
// keeps two of them from making it at once.
func postgresTemplate(t testing.TB, server string) string {
	t.Helper()
	templateOnce.Lock()
	defer templateOnce.Unlock()
	name := "wxcast_template_" + migrationsHash(t)
	ctx := t.Context()
	db, err := sql.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatalf("the Postgres of %s does not answer: %v", URLEnv, err)
	}
	defer conn.Close()
	const lockID = 0x77786361 // "wxca"
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lockID); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", lockID)
	}()
	var ready bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)",
		name).Scan(&ready); err != nil {
		t.Fatal(err)
	}
	if ready {
		return name
	}
	building := name + "_building"
	for _, stmt := range []string{
		"DROP DATABASE IF EXISTS " + pq.QuoteIdentifier(building) + " WITH (FORCE)",
		"CREATE DATABASE " + pq.QuoteIdentifier(building),
	} {
		if _, err := conn.ExecContext(ctx, stmt); err != nil {
			t.Fatal(err)
		}
	}
	migrate(t, withDatabase(t, server, building))
	if _, err := conn.ExecContext(ctx,
		"ALTER DATABASE "+pq.QuoteIdentifier(building)+" RENAME TO "+pq.QuoteIdentifier(name)); err != nil {
		t.Fatal(err)
	}
	return name
}

func migrationsHash(t testing.TB) string {
	t.Helper()
	h := sha256.New()
	err := fs.WalkDir(store.MigrationFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(store.MigrationFiles, path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func withDatabase(t testing.TB, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", URLEnv)
	}
	u.Path = "/" + name
	return u.String()
}

func migrate(t testing.TB, rawURL string) {
	t.Helper()
	db, err := store.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, rawURL string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// WaitForWorkers returns when so many processes hold leases at a time.
func WaitForWorkers(t *testing.T, rawURL string, workers int) {
	t.Helper()
	db := openRaw(t, rawURL)
	defer db.Close()
	var got int
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(DISTINCT worker) FROM leases").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got >= workers {
			return
		}
	}
	t.Fatalf("%d processes hold leases after 20 seconds, want %d: they do not share the work", got, workers)
}

// PretendNewerSchema marks the schema as a later version's, as an older binary
// would find it.
func PretendNewerSchema(t *testing.T, rawURL string) {
	t.Helper()
	db := openRaw(t, rawURL)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(),
		"INSERT INTO wxcast_schema_version (version_id, is_applied) VALUES (9999, TRUE)"); err != nil {
		t.Fatal(err)
	}
}

// openRaw opens a store's database past the store.
func openRaw(t *testing.T, rawURL string) *sql.DB {
	t.Helper()
	driver, dsn := "postgres", rawURL
	if path, ok := strings.CutPrefix(rawURL, "sqlite://"); ok {
		driver, dsn = "sqlite", path
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Proxy begins a network before the Postgres of a URL, which a test disturbs, and returns the
// URL that leads through it.
func Proxy(t testing.TB, rawURL string) (*pgserver.Proxy, string) {
	t.Helper()
	p, through, err := pgserver.StartProxy(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, through
}

// Pair is a primary with its synchronous standby, made of local programs, until the test ends.
// Where Postgres runs elsewhere, as in Docker, the test is left out; CI must not.
func Pair(t *testing.T) *pgserver.Pair {
	t.Helper()
	pair, err := pgserver.StartPair(t.Context())
	if errors.Is(err, pgserver.ErrNotHere) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Stop)
	return pair
}
