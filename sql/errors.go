package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"time"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/wxcast/wxcast/internal/wxcast"
)

var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrUnreachable: the database does not answer.
	ErrUnreachable = errors.New("the database cannot be reached")
	// ErrDiskFull: the database's files can take no more.
	ErrDiskFull = errors.New("the disk of the database is full, or its files may not grow")
	// ErrSchemaNewer: a later wxcast has migrated this database.
	ErrSchemaNewer = errors.New("the database was migrated by a newer wxcast")
	// ErrSchemaOlder: the database wants migrating.
	ErrSchemaOlder = errors.New("the database is not migrated")
)

// URLError is a database URL that cannot be used. It never quotes the URL,
// which may hold a password.
type URLError struct{ Problem wxcast.Sentence }

func (e *URLError) Error() string { return e.Sentence().String() }

// Sentence is what is wrong with the URL.
func (e *URLError) Sentence() wxcast.Sentence {
	return wxcast.Say("store.bad_url", "problem", e.Problem)
}

func unreachable(err error) error {
	return wxcast.NewError("store.unreachable", "why", err).Of(ErrUnreachable, err)
}

// retryFor is how long a statement waits for a database that went away: a
// Postgres restart or a fail-over takes seconds.
const retryFor = 30 * time.Second

// retryTransient runs fn again while the database is away. fn must be safe to
// repeat: whether a lost commit happened is not known.
func retryTransient(ctx context.Context, fn func() error) error {
	deadline := time.Now().Add(retryFor)
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := fn()
		if isDiskFull(err) { // at once: what is sent meanwhile could not be recorded
			return wxcast.NewError("store.disk_full", "why", err).Of(ErrDiskFull, err)
		}
		if err == nil || ctx.Err() != nil || !isTransient(err) || time.Now().Add(wait).After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func isDiskFull(err error) bool {
	if pqErr := pq.As(err); pqErr != nil {
		return pqErr.Code == "53100"
	}
	var sqliteErr *sqlite.Error
	// A write fails with SQLITE_IOERR_WRITE, not SQLITE_FULL, when a quota or a limit on
	// the size of files ends it.
	return errors.As(err, &sqliteErr) && (sqliteErr.Code() == sqlite3.SQLITE_FULL ||
		sqliteErr.Code() == sqlite3.SQLITE_IOERR_WRITE)
}

// isTransient tells whether the database, not the statement, was at fault.
func isTransient(err error) bool {
	if pqErr := pq.As(err); pqErr != nil {
		if pqErr.Code == "08P01" { // a protocol violation: our own mistake, and no better the next time
			return false
		}
		switch pqErr.Code.Class() {
		case "08", // connection exceptions
			"57", // operator intervention: shutdown, starting up
			"40", // serialization failure, deadlock
			"53": // too many connections
			return true
		}
		return false
	}
	if sqliteErr := (*sqlite.Error)(nil); errors.As(err, &sqliteErr) {
		return sqliteErr.Code()&0xff == sqlite3.SQLITE_BUSY // another process holds the lock, or was stopped with it
	}
	var netErr net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &netErr)
}
