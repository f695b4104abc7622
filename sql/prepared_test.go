package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	store "github.com/wxcast/wxcast/sql"
)

// A connection to SQLite keeps its statements, and nobody notices.
func TestKeptStatementsDoWhatNewOnesDo(t *testing.T) {
	db := sql.OpenDB(store.SQLiteConnector(filepath.Join(t.TempDir(), "kept.db")))
	defer db.Close()
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	read := func(query string, args ...any) (columns int, values []string) {
		t.Helper()
		rows, err := conn.QueryContext(t.Context(), query, args...)
		must(t, err)
		defer rows.Close()
		names, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			all := make([]any, len(names))
			for i := range all {
				all[i] = new(sql.NullString)
			}
			must(t, rows.Scan(all...))
			values = append(values, all[0].(*sql.NullString).String)
		}
		must(t, rows.Err())
		return len(names), values
	}
	exec("CREATE TABLE t (name TEXT PRIMARY KEY)")
	for i := range 5 {
		exec("INSERT INTO t (name) VALUES (?)", fmt.Sprint(i))
	}
	const all = "SELECT * FROM t ORDER BY name"

	// The same statement again while its rows are being read.
	rows, err := conn.QueryContext(t.Context(), all)
	must(t, err)
	n := 0
	for ; rows.Next(); n++ {
		if _, values := read(all); len(values) != 5 {
			t.Errorf("%d rows beside the same statement, want 5", len(values))
		}
	}
	must(t, rows.Close())
	if n != 5 {
		t.Errorf("%d rows, want 5: the second reading ended the first", n)
	}

	// One that failed, and one whose caller gave up, work the next time.
	if _, err := conn.ExecContext(t.Context(), "INSERT INTO t (name) VALUES (?)", "0"); err == nil {
		t.Error("a second row has the same key")
	}
	exec("INSERT INTO t (name) VALUES (?)", "5")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if rows, err := conn.QueryContext(gone, all); err == nil {
		_ = rows.Close()
		t.Error("who has gone is answered")
	}

	// More than are kept, and those that were dropped.
	for i := range 3 * store.PreparedMost {
		if _, values := read(fmt.Sprintf("SELECT %d", i)); len(values) != 1 || values[0] != fmt.Sprint(i) {
			t.Fatalf("SELECT %d is %v", i, values)
		}
	}
	if columns, values := read(all); columns != 1 || len(values) != 6 {
		t.Errorf("%d columns and %d rows, want 1 and 6", columns, len(values))
	}

	// The schema as it is now.
	exec("ALTER TABLE t ADD COLUMN more TEXT")
	if columns, _ := read(all); columns != 2 {
		t.Errorf("%d columns after one was added, want 2", columns)
	}
}
