package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// rowsOfAll writes so many rows to every table of a SQLite store, with a value in every column,
// and returns the tables.
func rowsOfAll(t *testing.T, file string, n int) []string {
	t.Helper()
	schema, err := os.ReadFile("migrations/sqlite/00001_first_light.sql")
	if err != nil {
		t.Fatal(err)
	}
	oneOf := map[string]string{} // the first of the values that a column may have, by table.column
	for _, create := range strings.Split(string(schema), "CREATE TABLE ")[1:] {
		table, _, _ := strings.Cut(create, " ")
		for _, m := range regexp.MustCompile(`CHECK \((\w+) IN \('([^']*)'`).FindAllStringSubmatch(create, -1) {
			oneOf[table+"."+m[1]] = m[2] + " " // it may be ''
		}
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=foreign_keys(1)&_time_format=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' " +
		"AND name NOT LIKE 'wxcast%' AND name <> 'store_moves'")
	if err != nil {
		t.Fatal(err)
	}
	first := []string{"apps", "users", "sync_runs", "broadcasts"}
	var others []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(first, " "), name) {
			others = append(others, name)
		}
	}
	tables := append(first, others...)
	for _, table := range tables {
		columns, err := db.Query("SELECT name, type FROM pragma_table_info('" + table + "')")
		if err != nil {
			t.Fatal(err)
		}
		var names, types []string
		for columns.Next() {
			var name, kind string
			if err := columns.Scan(&name, &kind); err != nil {
				t.Fatal(err)
			}
			names, types = append(names, name), append(types, kind)
		}
		insert := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (?" +
			strings.Repeat(", ?", len(names)-1) + ")"
		for i := 1; i <= n; i++ {
			values := make([]any, len(names))
			for at, kind := range types {
				switch name := names[at]; {
				case oneOf[table+"."+name] != "":
					values[at] = strings.TrimSpace(oneOf[table+"."+name])
				case kind == "TEXT":
					values[at] = fmt.Sprintf("%s %d 中文\t\"\\,\n", name, i)
				case kind == "TIMESTAMP":
					values[at] = time.Date(2026, 11, 29, 10, 20, i%60, 123456000*(i%3), time.UTC).Add(time.Duration(i) * time.Minute)
				case kind == "BOOLEAN":
					values[at] = i%2 == 0
				case strings.HasPrefix(kind, "DOUBLE"):
					values[at] = 1 / float64(i+2)
				case kind == "BLOB":
					values[at] = []byte{0, 255, byte(i), '\\', 0}
				default:
					values[at] = i
				}
			}
			if _, err := db.Exec(insert, values...); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
	}
	return tables
}

// A SQLite store becomes a Postgres store, row by row, whatever cuts it off and whatever the old
// one did between two tries; then only the new one is used.
func TestAStoreMoves(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wxcast.db")
	from := "sqlite://" + file
	old, err := store.Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := old.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const n = 7
	tables := rowsOfAll(t, file, n)
	to := storetest.PostgresURL(t)
	db := opened(t, to)

	var bad *wxcast.BadInput
	if _, err := db.MoveFrom(t.Context(), from, nil); !errors.As(err, &bad) {
		t.Fatalf("a store that somebody uses is moved: %v", err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	// It is cut off at each table in turn, and the old store changes meanwhile: it is not closed yet.
	var moved store.Moved
	for at := range len(tables) {
		ctx, cut := context.WithCancel(t.Context())
		told := 0
		moved, err = db.MoveFrom(ctx, from, func(string, int64) {
			if told++; told > at {
				cut()
			}
		})
		cut()
		if err == nil {
			break
		}
		if err := db.CheckMoved(t.Context()); !errors.Is(err, store.ErrMoved) {
			t.Fatalf("a store that is not whole can be used: %v", err)
		}
		old := opened(t, from)
		if err := old.CheckMoved(t.Context()); err != nil {
			t.Fatalf("the old store cannot be used though nothing has taken its place: %v", err)
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		change(t, file, at)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Killed before the new store is said to be whole, it says so by the next try.
	if again, err := db.MoveFrom(t.Context(), from, nil); err != nil || again.Already {
		t.Errorf("%+v %v", again, err)
	}
	if err := db.CheckMoved(t.Context()); !errors.Is(err, store.ErrMoved) {
		t.Errorf("it can be used before it is said to be whole: %v", err)
	}
	if err := db.EndMove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.CheckMoved(t.Context()); err != nil {
		t.Error(err)
	}
	if old := opened(t, from); !errors.Is(old.CheckMoved(t.Context()), store.ErrMoved) {
		t.Error("the old store can be used")
	} else if err := old.Close(); err != nil {
		t.Error(err)
	}
	if want := len(tables) - 2; moved.Tables != want { // locks and commits mean nothing elsewhere
		t.Errorf("%d tables of %d", moved.Tables, want)
	}
	compareStores(t, file, to, tables)
	if again, err := db.MoveFrom(t.Context(), from, nil); err != nil || !again.Already {
		t.Errorf("again: %+v %v", again, err)
	}
	other := opened(t, storetest.PostgresURL(t))
	if _, err := other.MoveFrom(t.Context(), from, nil); !errors.As(err, &bad) {
		t.Errorf("a store that went elsewhere is moved again: %v", err)
	}
	empty := storetest.SQLiteURL(t)
	if _, err := db.MoveFrom(t.Context(), empty, nil); !errors.As(err, &bad) {
		t.Errorf("a second store is moved into one that is used: %v", err)
	}
	if _, err := db.MoveFrom(t.Context(), "sqlite://"+file+".none", nil); !errors.As(err, &bad) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := os.Stat(file + ".none"); err == nil {
		t.Error("it was made")
	}
}

func opened(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// change lets the old store go on a little: a follower changes, another one goes, a third comes,
// and the id of a callback is used up.
func change(t *testing.T, file string, i int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_time_format=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{
		fmt.Sprintf("UPDATE followers SET remark = 'changed %d' WHERE account_id = 2", i),
		"DELETE FROM followers WHERE account_id = 3",
		fmt.Sprintf("INSERT INTO followers SELECT 3, 'new %d', NULL, subscribed, NULL, '', '', '[]', first_seen_at, "+
			"details_at, NULL, NULL, NULL, 0, 0 FROM followers WHERE account_id = 1 ORDER BY openid LIMIT 1", i),
		"UPDATE apps SET heard_at = NULL WHERE id = 2",
		"DELETE FROM callbacks WHERE id = 7",
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
}

// compareStores compares all rows of both stores, in a way of its own: as text.
func compareStores(t *testing.T, file, to string, tables []string) {
	t.Helper()
	there, err := sql.Open("sqlite", "file:"+file+"?_time_format=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := sql.Open("postgres", to)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	dump := func(db *sql.DB, table string) map[string]int {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.ColumnTypes()
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]int{}
		for rows.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for i, v := range values {
				switch x := v.(type) {
				case time.Time:
					v = x.UTC().Format(time.RFC3339Nano)
				case []byte:
					v = string(x)
				case int64:
					if strings.HasPrefix(columns[i].DatabaseTypeName(), "BOOL") {
						v = x != 0
					}
				}
				fmt.Fprintf(&text, "%s=%v|", columns[i].Name(), v)
			}
			all[text.String()]++
		}
		return all
	}
	for _, table := range tables {
		if table == "locks" || table == "commits" {
			continue
		}
		want, got := dump(there, table), dump(here, table)
		if len(want) == 0 {
			t.Errorf("%s has no rows to compare", table)
		}
		for text := range want {
			if got[text] != want[text] {
				t.Errorf("%s lacks %s", table, text)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s has %d rows, not %d", table, len(got), len(want))
		}
	}
	// Ids go on after the last one that SQLite gave, even where its row is gone.
	var last, next int64
	if err := there.QueryRow("SELECT seq FROM sqlite_sequence WHERE name = 'callbacks'").Scan(&last); err != nil {
		t.Fatal(err)
	}
	err = here.QueryRow("SELECT nextval(pg_get_serial_sequence('callbacks', 'id'))").Scan(&next)
	if err != nil || next != last+1 {
		t.Errorf("after %d comes %d (%v)", last, next, err)
	}
}
