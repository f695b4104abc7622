package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// storeMove is where all of a store came from, or went to.
type storeMove struct {
	ID       string       `db:"id"`
	Incoming bool         `db:"incoming"`
	Other    string       `db:"other"`
	BegunAt  time.Time    `db:"begun_at"`
	DoneAt   sql.NullTime `db:"done_at"`
}

// CheckMoved tells whether the store is one to work with: ErrMoved where it went elsewhere, or
// is not whole yet.
func (db *DB) CheckMoved(ctx context.Context) error {
	var moves []storeMove
	if err := db.list(ctx, &moves, db.q.ListStoreMoves); err != nil {
		return err
	}
	for _, m := range moves {
		switch {
		case m.Incoming && !m.DoneAt.Valid:
			return wxcast.NewError("store.half_moved", "other", m.Other).Of(ErrMoved)
		case !m.Incoming && m.DoneAt.Valid:
			return wxcast.NewError("store.moved_away", "other", m.Other, "at", utc(m.DoneAt)).Of(ErrMoved)
		}
	}
	return nil
}

// Moved is what MoveFrom did.
type Moved struct {
	// Already tells that all of it was here before.
	Already bool
	Tables  int
	Rows    int64 // of all tables
}

// notMoved are the tables whose rows mean nothing elsewhere.
var notMoved = map[string]bool{"commits": true, "locks": true, "store_moves": true}

// MoveFrom makes this Postgres store, which must be empty, the one that a SQLite store was: every
// row is copied, and then read again on both sides and compared. Nobody else can use the SQLite
// store meanwhile, nor afterwards; nor this one until EndMove. Where it was interrupted, it goes
// on: what is here is held against what is there. tell, if not nil, is told of each table and how
// many of its rows were brought. Errors are wxcast.BadInput where either
// store is not one for it.
func (db *DB) MoveFrom(ctx context.Context, from string, tell func(table string, rows int64)) (m Moved, err error) {
	file, ok := strings.CutPrefix(from, "sqlite://")
	if !ok || db.engine != Postgres {
		return m, badMove("move.only_sqlite", "move.want_sqlite", from)
	}
	source, err := openAlone(ctx, file)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if tell == nil {
		tell = func(string, int64) {}
	}
	move, over, err := db.beginMove(ctx, source, file)
	if err != nil {
		return m, err
	}
	if m.Already = over && move.DoneAt.Valid; m.Already {
		return m, nil
	}
	if !over {
		if m, err = (copying{from: source, to: db.write, tell: tell}).all(ctx); err != nil {
			return m, err
		}
	}
	_, err = source.ExecContext(ctx, db.q.EndStoreMove, move.ID, db.Now())
	return m, err
}

// EndMove makes a store that MoveFrom filled one to work with. The other one is closed since
// then: at no moment are there two to send from.
func (db *DB) EndMove(ctx context.Context) error {
	var moves []storeMove
	if err := db.list(ctx, &moves, db.q.ListStoreMoves); err != nil {
		return err
	}
	for _, m := range moves {
		if m.Incoming {
			if _, err := db.exec(ctx, db.q.EndStoreMove, m.ID, db.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

func badMove(problem, want, file string) error {
	return &wxcast.BadInput{File: file, Problem: wxcast.Say(problem), Want: wxcast.Say(want)}
}

// openAlone opens a SQLite store that nobody else has open, brings it to this binary's schema and
// keeps everybody else out.
func openAlone(ctx context.Context, file string) (*sqlx.DB, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, badMove("move.no_file", "move.want_sqlite", file)
	}
	whole, err := Open(ctx, "sqlite://"+file)
	if err != nil {
		return nil, err
	}
	_, _, err = whole.Migrate(ctx)
	if err = errors.Join(err, whole.Close()); err != nil {
		return nil, err
	}
	q := url.Values{"_pragma": {"locking_mode(EXCLUSIVE)", "busy_timeout(3000)", "journal_mode(WAL)",
		"synchronous(FULL)"}, "_time_format": {"sqlite"}, "_timezone": {"UTC"}, "_texttotime": {"1"}}
	alone, err := sqlx.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(),
		RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	alone.SetMaxOpenConns(1) // whose lock it is
	alone.SetMaxIdleConns(1)
	// The lock is taken by the first write, and kept.
	if _, err := alone.ExecContext(ctx, "DELETE FROM commits WHERE account_id < 0"); err != nil {
		_ = alone.Close()
		if busy := (*sqlite.Error)(nil); errors.As(err, &busy) && busy.Code()&0xff == sqlite3.SQLITE_BUSY {
			return nil, badMove("move.in_use", "move.want_stopped", file)
		}
		return nil, err
	}
	return alone, nil
}

// beginMove finds the move that is at work, or begins one. over tells that the source says that
// all of it is here.
func (db *DB) beginMove(ctx context.Context, source *sqlx.DB, file string) (move storeMove, over bool, err error) {
	var there, here []storeMove
	if err := source.SelectContext(ctx, &there, db.q.ListStoreMoves); err != nil {
		return move, false, err
	}
	if err := db.list(ctx, &here, db.q.ListStoreMoves); err != nil {
		return move, false, err
	}
	byID := map[string]storeMove{}
	for _, m := range there {
		byID[m.ID] = m
	}
	for _, m := range here {
		if old, ok := byID[m.ID]; ok && m.Incoming && !old.Incoming {
			return m, old.DoneAt.Valid, nil
		}
	}
	for _, m := range there {
		if !m.Incoming && m.DoneAt.Valid {
			return move, false, &wxcast.BadInput{File: file, Problem: wxcast.Say("store.moved_away", "other", m.Other,
				"at", utc(m.DoneAt)), Want: wxcast.Say("move.want_other")}
		}
	}
	var used bool
	if err := db.get(ctx, &used, "SELECT EXISTS (SELECT 1 FROM apps)"); err != nil {
		return move, false, err
	}
	if used || len(here) > 0 {
		return move, false, badMove("move.not_empty", "move.want_empty", "")
	}
	place, err := db.place(ctx)
	if err != nil {
		return move, false, err
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return move, false, err
	}
	move = storeMove{ID: rand.Text(), Incoming: true, Other: path, BegunAt: db.Now()}
	if _, err := source.ExecContext(ctx, db.q.AddStoreMove, move.ID, false, place, move.BegunAt); err != nil {
		return move, false, err
	}
	_, err = db.exec(ctx, db.q.AddStoreMove, move.ID, true, move.Other, move.BegunAt)
	return move, false, err
}

// place is where this store is, without who and how.
func (db *DB) place(ctx context.Context) (string, error) {
	var p struct {
		Name string         `db:"name"`
		Host sql.NullString `db:"host"`
		Port sql.NullInt64  `db:"port"`
	}
	err := db.get(ctx, &p, "SELECT current_database() AS name, host(inet_server_addr()) AS host, "+
		"inet_server_port() AS port")
	return fmt.Sprintf("postgres://%s:%d/%s", cmp.Or(p.Host.String, "localhost"), cmp.Or(p.Port.Int64, 5432), p.Name), err
}
