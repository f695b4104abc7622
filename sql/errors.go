package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
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
	// ErrMoved: the store went elsewhere, or is not whole yet.
	ErrMoved = errors.New("the store was moved")
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

// How long one try of a transaction or a statement may take before its connection is given
// up: a server can go silent without closing anything.
const (
	hurried   = 8 * time.Second // of what the sending waits for
	usual     = time.Minute
	unhurried = time.Hour // of what reads or writes everything
)

// limitKey is the key of that time in a context.
type limitKey struct{}

// within gives what is asked with the context that much time for each try.
func within(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

func limitOf(ctx context.Context) time.Duration {
	if limit, ok := ctx.Value(limitKey{}).(time.Duration); ok {
		return limit
	}
	return usual
}

// retryTransient runs fn again while the database is away, each time with a context that
// ends with its time. fn must be safe to repeat: whether a lost commit happened is not
// known. The time that others' locks blocked it does not count.
func (db *DB) retryTransient(ctx context.Context, fn func(ctx context.Context) error) error {
	deadline, limit := time.Now().Add(retryFor), limitOf(ctx)
	const first = 50 * time.Millisecond
	for wait := first; ; wait = min(2*wait, 2*time.Second) {
		begun := time.Now()
		late, err := try(ctx, limit, fn)
		if late {
			limit *= 2 // it may be slow, and not gone
		}
		if isDiskFull(err) { // at once: what is sent meanwhile could not be recorded
			return wxcast.NewError("store.disk_full", "why", err).Of(ErrDiskFull, err)
		}
		if isReadOnly(err) { // a standby, or a primary that has become one: another connection leads elsewhere
			db.dropIdle()
		}
		switch {
		case wait == first && !late: // it went away just now, however long it had worked on this
			deadline = time.Now().Add(retryFor)
		case isBlocked(err):
			deadline = deadline.Add(time.Since(begun))
		}
		if err == nil || ctx.Err() != nil || !late && !isTransient(err) {
			return err
		}
		if time.Now().Add(wait).After(deadline) {
			if late {
				return unreachable(err)
			}
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// try runs fn once; late tells that its time was over.
func try(ctx context.Context, limit time.Duration, fn func(ctx context.Context) error) (late bool, err error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = fn(limited)
	return err != nil && ctx.Err() == nil && limited.Err() != nil, err
}

// isBlocked tells whether others held a lock for longer than one waits for them.
func isBlocked(err error) bool {
	pqErr := pq.As(err)
	return pqErr != nil && pqErr.Code == "55P03"
}

// isNotPrepared tells whether a session lacks a statement that was prepared, or has another by its
// name.
func isNotPrepared(err error) bool {
	pqErr := pq.As(err)
	return pqErr != nil && (pqErr.Code == "26000" || pqErr.Code == "42P05")
}

// isReadOnly tells whether the server takes no writes: a standby that is not promoted yet, or
// was the primary.
func isReadOnly(err error) bool {
	pqErr := pq.As(err)
	return pqErr != nil && (pqErr.Code == "25006" ||
		pqErr.Code == "0A000" && strings.Contains(pqErr.Message, "recovery"))
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
		if isBlocked(err) || isReadOnly(err) || isNotPrepared(err) || pqErr.Code == "25P03" { // it was idle inside a transaction for too long
			return true
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
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, errAlone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr)
}
