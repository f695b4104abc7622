// Package store keeps wxcast's state in SQLite (the embedded default) or in
// Postgres (production, and more than one worker). One set of queries serves
// both wherever both accept the same text; see queries/.
//
// All times are UTC. The folder is called sql; the package is not, so that
// database/sql keeps its name.
package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/internal/private"
	"github.com/wxcast/wxcast/internal/seal"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Engine is which database the store runs on.
type Engine string

// The engines.
const (
	Postgres Engine = "postgres"
	SQLite   Engine = "sqlite"
)

const (
	pingTimeout = 10 * time.Second
	// poolMax bounds Postgres connections of one process: the send loop needs
	// three (claim, record, renew), the sync a few more for its batches.
	poolMax = 8
)

// DB is an open store. It is safe for concurrent use.
type DB struct {
	engine Engine
	read   *sqlx.DB
	write  *sqlx.DB // the same pool on Postgres; one connection on SQLite
	// staging is for temporary tables: the same pool on Postgres; one connection on SQLite.
	staging *sqlx.DB
	q       queries

	clock clock
	// onlySender and recent are by account: see TrustReceipts and recentFrom.
	onlySender, recent sync.Map

	// appids are of the apps that were looked up, by their numbers.
	appids sync.Map

	// memories is what this process remembers by account: see memory.
	memories sync.Map

	// local: the connection does not leave the machine. verifies: the server's name is checked.
	local, verifies bool

	// keys seal what is secret in the store.
	keys seal.Keys

	// fixing is how many recipients SQLite is given at a time. It has one writer, whose it is.
	fixing *batch
	// writer is SQLite's one, which is given in order: database/sql would let any of those go first
	// who wait for a connection, and who was unlucky waited for all others. Nil on Postgres.
	writer *semaphore.Weighted

	// density is what was learnt of broadcasts: id to bool, see dense.
	density sync.Map
}

// Open connects to the store that rawURL names: sqlite://PATH (relative to the
// working directory; sqlite:///abs for an absolute path) or postgres://….
// It reads nothing but the clock and creates no table: see Migrate. Errors are
// ErrUnreachable or a *URLError.
func Open(ctx context.Context, rawURL string) (*DB, error) { return OpenThrough(ctx, rawURL, nil) }

// OpenThrough is Open with something between the store and its driver; nil for nothing.
func OpenThrough(ctx context.Context, rawURL string, through func(driver.Connector) driver.Connector) (*DB, error) {
	if through == nil {
		through = func(c driver.Connector) driver.Connector { return c }
	}
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return nil, &URLError{Problem: wxcast.Say("store.no_scheme")}
	}
	var db *DB
	var err error
	switch scheme {
	case "sqlite":
		db, err = openSQLite(rest, through)
	case "postgres", "postgresql":
		db, err = openPostgres(rawURL, through)
	default:
		return nil, &URLError{Problem: wxcast.Say("store.bad_scheme", "scheme", scheme)}
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := db.SyncClock(ctx); err != nil {
		_ = db.Close()
		return nil, unreachable(err)
	}
	return db, nil
}

// SealWith seals what is secret in the store with these keys from now on; it is called before
// the store is used.
func (db *DB) SealWith(keys seal.Keys) { db.keys = keys }

func openSQLite(path string, through func(driver.Connector) driver.Connector) (*DB, error) {
	if path == "" {
		return nil, &URLError{Problem: wxcast.Say("store.no_file")}
	}
	if dir := filepath.Dir(path); dir != "." {
		if _, err := os.Stat(dir); err != nil {
			return nil, wxcast.NewError("store.no_folder", "path", path, "why", err).Of(ErrUnreachable, err)
		}
	}
	// The files that SQLite puts beside it get the same permissions. A database that cannot be
	// made says so when it is opened.
	_ = private.Ensure(path)
	// WAL lets reads go on beside the one writer. synchronous=FULL, because what
	// WeChat accepted must survive a power cut, too.
	params := url.Values{
		"_pragma":      {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)"},
		"_time_format": {"sqlite"},
		"_timezone":    {"UTC"},
		"_texttotime":  {"1"},
	}
	open := func(txlock string, conns int, pragmas ...string) *sqlx.DB {
		params := maps.Clone(params)
		params.Set("_txlock", txlock)
		params["_pragma"] = slices.Concat(params["_pragma"], pragmas)
		dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(),
			RawQuery: params.Encode()}).String()
		db := sqlx.NewDb(sql.OpenDB(through(sqliteConnector{dsn})), "sqlite")
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		return db
	}
	// The writer keeps the hot pages of its indexes in memory, and copies them into
	// the database file by 64 MiB instead of by 4: a page that is written again
	// and again is copied once.
	write := open("immediate", 1, "cache_size(-10240)", "wal_autocheckpoint(16384)")
	read := open("deferred", 3, "cache_size(-2048)")
	// For temporary tables: what takes long there waits for its own kind, and for no reader.
	staging := open("deferred", 1, "cache_size(-4096)")
	return &DB{engine: SQLite, read: read, write: write, staging: staging, q: queriesOf[SQLite](),
		fixing: &batch{1000, batchMost, fixedWithin}, writer: semaphore.NewWeighted(1)}, nil
}

// sqliteConnector opens connections to a file.
type sqliteConnector struct{ dsn string }

// Connect opens one connection.
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return preparingSQLite.conn(conn.(driverConn), nil), nil
}

// Driver is the driver that the connections are of.
func (sqliteConnector) Driver() driver.Driver { return sqliteDriver() }

// sqliteDriver is the one that is registered: our functions are known to it alone.
var sqliteDriver = sync.OnceValue(func() driver.Driver {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		panic(err) // it is not in this binary
	}
	defer db.Close()
	return db.Driver()
})

func openPostgres(rawURL string, through func(driver.Connector) driver.Connector) (*DB, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// url.Error quotes the whole URL, and a password with it.
		return nil, &URLError{Problem: wxcast.Say("import.no_url")}
	}
	q := u.Query()
	setDefault := func(key, value string) {
		if !q.Has(key) {
			q.Set(key, value)
		}
	}
	hosts := cmp.Or(q.Get("host"), u.Host)
	setDefault("sslmode", sslMode(hosts))
	setDefault("connect_timeout", "10")
	setDefault("application_name", "wxcast")
	// One round trip for a statement that is not prepared: a pooler in transaction mode may stand
	// in between.
	setDefault("binary_parameters", "yes")
	severalHosts(u, q)
	u.RawQuery = q.Encode()
	cfg, err := pq.NewConfig(u.String())
	if err != nil {
		return nil, &URLError{Problem: wxcast.Verbatim(withoutPassword(err.Error(), u))}
	}
	db := sqlx.NewDb(sql.OpenDB(through(connector{cfg, new(atomic.Bool)})), string(Postgres))
	db.SetMaxOpenConns(poolMax)
	db.SetMaxIdleConns(poolMax)
	return &DB{engine: Postgres, read: db, write: db, staging: db, q: queriesOf[Postgres](),
		local: sslMode(hosts) == "prefer", verifies: strings.HasPrefix(q.Get("sslmode"), "verify-")}, nil
}

// sslMode is how a connection is protected where the URL does not say: with the server's name
// verified, unless it is on this machine. A server that is only taken at its word gets the
// password of whoever asks.
func sslMode(hosts string) string {
	for host := range strings.SplitSeq(hosts, ",") {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		socket := name == "" || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "%2F")
		if !socket && !value.OnThisMachine(name) {
			return "verify-full"
		}
	}
	return "prefer"
}

// severalHosts writes host1:port1,host2:port2 as lib/pq reads it, and wants the one of them
// that takes writes.
func severalHosts(u *url.URL, q url.Values) {
	all := strings.Split(u.Host, ",")
	if len(all) == 1 {
		return
	}
	ports := make([]string, len(all))
	for i, one := range all {
		host, port, err := net.SplitHostPort(one)
		if err != nil {
			host, port = one, "5432"
		}
		all[i], ports[i] = host, port
	}
	u.Host = ""
	q.Set("host", strings.Join(all, ","))
	q.Set("port", strings.Join(ports, ","))
	if !q.Has("target_session_attrs") {
		q.Set("target_session_attrs", "read-write")
	}
}

func withoutPassword(text string, u *url.URL) string {
	if password, ok := u.User.Password(); ok && password != "" {
		return strings.ReplaceAll(text, password, "***")
	}
	return text
}

// Engine tells which database it is.
func (db *DB) Engine() Engine { return db.engine }

// Writers is how many write transactions make progress at the same time.
func (db *DB) Writers() int {
	if db.engine == SQLite {
		return 1
	}
	return 2 // more would wait for each other's rows of run and account
}

// Close ends all connections.
func (db *DB) Close() error {
	if db.read == db.write {
		return db.write.Close()
	}
	return errors.Join(db.read.Close(), db.write.Close(), db.staging.Close())
}

// dropIdle closes the connections that nobody uses.
func (db *DB) dropIdle() {
	if db.engine == Postgres {
		db.write.SetMaxIdleConns(-1)
		db.write.SetMaxIdleConns(poolMax)
	}
}

// CheckWrites tells whether the database takes writes: it may be a standby.
func (db *DB) CheckWrites(ctx context.Context) error {
	tx, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing of it stays
	_, err = tx.ExecContext(ctx, db.q.AddCommit, int64(0), rand.Text(), db.fromNow(0), "")
	return err
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// tx runs fn in one write transaction, which happens once: where the answer to a COMMIT
// is lost, it is not known whether it happened, and the transaction is run again. So it
// bears an id of ours, and one that is found to have happened keeps the results of the run
// that did. fn may run more than once, and must begin its results anew each time.
func (db *DB) tx(ctx context.Context, accountID int64, fn func(*sqlx.Tx) error) error {
	id, memory := rand.Text(), db.memoryOf(accountID)
	return db.retryTransient(ctx, func(ctx context.Context) error {
		if err := db.turn(ctx); err != nil {
			return err
		}
		defer db.turnOver()
		tx, err := db.write.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // a no-op after Commit
		var known bool
		switch err := tx.GetContext(ctx, &known, db.q.AddCommit, accountID, id, db.fromNow(0), memory.latest()); {
		case errors.Is(err, sql.ErrNoRows): // it happened, and the answer was lost
			// A standby may not have it, where its wait for one was cut short: a COMMIT that
			// changes something waits for all that was before it.
			if _, err := tx.ExecContext(ctx, db.q.AddCommit, accountID, rand.Text(), db.fromNow(0), ""); err != nil {
				return err
			}
			if err := tx.Commit(); err != nil {
				return err
			}
			memory.confirmed(id)
			return nil
		case err != nil:
			return err
		case !known:
			memory.missed()
		}
		if err := fn(tx); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		memory.confirmed(id)
		return nil
	})
}

// turn waits until it is this caller's turn to write.
func (db *DB) turn(ctx context.Context) error {
	if db.writer == nil {
		return nil
	}
	return db.writer.Acquire(ctx, 1)
}

// turnOver lets the next write.
func (db *DB) turnOver() {
	if db.writer != nil {
		db.writer.Release(1)
	}
}

// execOnce runs one write statement, which happens once: see tx.
func (db *DB) execOnce(ctx context.Context, accountID int64, query string, args ...any) (rows int64, err error) {
	err = db.tx(ctx, accountID, func(tx *sqlx.Tx) error {
		rows, err = execRows(ctx, tx, query, args...)
		return err
	})
	return rows, err
}

// exec runs one write statement, again if the connection was lost: one that changes
// nothing, and says the same, when it happens twice.
func (db *DB) exec(ctx context.Context, query string, args ...any) (rows int64, err error) {
	err = db.retryTransient(ctx, func(ctx context.Context) error {
		if err := db.turn(ctx); err != nil {
			return err
		}
		defer db.turnOver()
		res, err := db.write.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		rows, err = res.RowsAffected()
		return err
	})
	return rows, err
}

// get reads one row; a missing row is ErrNotFound.
func (db *DB) get(ctx context.Context, dest any, query string, args ...any) error {
	err := db.retryTransient(ctx, func(ctx context.Context) error {
		return db.read.GetContext(ctx, dest, query, args...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// list reads all rows of a bounded query.
func (db *DB) list(ctx context.Context, dest any, query string, args ...any) error {
	return db.retryTransient(ctx, func(ctx context.Context) error {
		return db.read.SelectContext(ctx, dest, query, args...)
	})
}
