package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// copying copies a SQLite store's tables to Postgres.
type copying struct {
	from, to *sqlx.DB
	tell     func(table string, rows int64)
}

// rowsAtOnce is how many rows go to Postgres in a transaction.
const rowsAtOnce = 20_000

// all copies what lacks, mends what is different, and compares the whole.
func (c copying) all(ctx context.Context) (m Moved, err error) {
	tables, err := c.tables(ctx)
	if err != nil {
		return m, err
	}
	// Children go before their parents, and come after them.
	for _, t := range slices.Backward(tables) {
		if err := c.dropExtra(ctx, t); err != nil {
			return m, fmt.Errorf("clear %s: %w", t.name, err)
		}
	}
	for _, t := range tables {
		if err := c.fill(ctx, t); err != nil {
			return m, fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	for _, t := range tables {
		n, err := c.check(ctx, t)
		if err != nil {
			return m, fmt.Errorf("compare %s: %w", t.name, err)
		}
		m.Tables, m.Rows = m.Tables+1, m.Rows+n
		if err := c.number(ctx, t); err != nil {
			return m, fmt.Errorf("number %s: %w", t.name, err)
		}
	}
	return m, nil
}

// table is one of the schema's, as Postgres has it.
type table struct {
	name    string
	columns []movedColumn
	key     []int // the columns of the primary key, in its order
	counts  bool  // its ids are given by the database
}

type movedColumn struct {
	Name string `db:"name"`
	Type string `db:"type"`
	// Counts tells that the database gives its values; Key its place in the primary key, from 1.
	Counts bool `db:"counts"`
	Key    int  `db:"key"`
}

// parents are the tables that others name by a foreign key; they come first.
var parents = []string{"apps", "users", "sync_runs", "broadcasts"}

// tables are those that are moved, parents first.
func (c copying) tables(ctx context.Context) (all []table, err error) {
	var columns []struct {
		Table string `db:"table_name"`
		movedColumn
	}
	err = c.to.SelectContext(ctx, &columns, `SELECT a.attrelid::regclass::text AS table_name, a.attname AS name,
			format_type(a.atttypid, NULL) AS type, a.attidentity <> '' AS counts,
			COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0) AS key
		FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid AND t.relkind IN ('r', 'p')
		JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
		WHERE t.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY t.relname, a.attnum`)
	if err != nil {
		return nil, err
	}
	for _, column := range columns {
		if notMoved[column.Table] || strings.HasPrefix(column.Table, "wxcast_") { // of the migrations
			continue
		}
		if len(all) == 0 || all[len(all)-1].name != column.Table {
			all = append(all, table{name: column.Table})
		}
		t := &all[len(all)-1]
		t.columns = append(t.columns, column.movedColumn)
		t.counts = t.counts || column.Counts
	}
	for i, t := range all {
		for place := 1; ; place++ {
			at := slices.IndexFunc(t.columns, func(c movedColumn) bool { return c.Key == place })
			if at < 0 {
				break
			}
			all[i].key = append(all[i].key, at)
		}
	}
	rank := func(t table) int {
		if i := slices.Index(parents, t.name); i >= 0 {
			return i
		}
		return len(parents)
	}
	slices.SortStableFunc(all, func(a, b table) int { return cmp.Compare(rank(a), rank(b)) })
	return all, nil
}

func (t table) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	return names
}

// selecting is the query of all rows in the order of the key, which is bytewise on both sides.
func (t table) selecting(e Engine) string {
	order := make([]string, len(t.key))
	for i, at := range t.key {
		order[i] = t.columns[at].Name
		if e == Postgres && t.columns[at].Type == "text" {
			order[i] += ` COLLATE "C"`
		}
	}
	return "SELECT " + strings.Join(t.names(), ", ") + " FROM " + t.name + " ORDER BY " + strings.Join(order, ", ")
}

// row is a row's values: int64, float64, bool, string, []byte, time.Time in UTC, or nil.
type row []any

// rows reads a table in the order of its key.
func (t table) rows(ctx context.Context, db *sqlx.DB, e Engine) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		rows, err := db.QueryContext(ctx, t.selecting(e))
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			r, err := t.scan(rows)
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// scan reads a row. Both engines' values become the same ones.
func (t table) scan(rows *sql.Rows) (row, error) {
	into := make([]any, len(t.columns))
	for i, c := range t.columns {
		switch c.Type {
		case "bigint", "integer", "smallint":
			into[i] = new(sql.Null[int64])
		case "double precision":
			into[i] = new(sql.Null[float64])
		case "boolean":
			into[i] = new(sql.Null[bool])
		case "timestamp with time zone":
			into[i] = new(sql.Null[time.Time])
		case "bytea":
			into[i] = new(sql.Null[[]byte])
		case "text":
			into[i] = new(sql.Null[string])
		default:
			return nil, fmt.Errorf("%s.%s is of type %s", t.name, c.Name, c.Type)
		}
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	r := make(row, len(into))
	for i, v := range into {
		switch v := v.(type) {
		case *sql.Null[int64]:
			r[i] = orNil(*v)
		case *sql.Null[float64]:
			r[i] = orNil(*v)
		case *sql.Null[bool]:
			r[i] = orNil(*v)
		case *sql.Null[string]:
			r[i] = orNil(*v)
		case *sql.Null[[]byte]:
			r[i] = orNil(*v)
		case *sql.Null[time.Time]:
			if v.Valid {
				r[i] = v.V.UTC().Truncate(time.Microsecond)
			}
		}
	}
	return r, nil
}

func orNil[T any](v sql.Null[T]) any {
	if !v.Valid {
		return nil
	}
	return v.V
}

func compareValues(a, b any) int {
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case string:
		return cmp.Compare(a, b.(string))
	case time.Time:
		return a.Compare(b.(time.Time))
	case bool:
		if a == b.(bool) {
			return 0
		} else if a {
			return 1
		}
		return -1
	}
	panic(fmt.Sprintf("no key is a %T", a)) // the schema is ours
}

// compareKeys orders two rows by their key.
func (t table) compareKeys(a, b row) int {
	for _, at := range t.key {
		if c := compareValues(a[at], b[at]); c != 0 {
			return c
		}
	}
	return 0
}

// same tells whether two rows are the same in all.
func same(a, b row) bool {
	return slices.EqualFunc(a, b, func(x, y any) bool {
		if x, ok := x.([]byte); ok {
			y, ok := y.([]byte)
			return ok && bytes.Equal(x, y)
		}
		if x, ok := x.(time.Time); ok {
			y, ok := y.(time.Time)
			return ok && x.Equal(y)
		}
		return x == y
	})
}

// difference is a row of the source's that the target lacks (there alone), has otherwise (both),
// or has too many (here alone).
type difference struct{ there, here row }

// differences holds a table of the source's against the target's.
func (c copying) differences(ctx context.Context, t table) iter.Seq2[difference, error] {
	return func(yield func(difference, error) bool) {
		there, stop := iter.Pull2(t.rows(ctx, c.from, SQLite))
		defer stop()
		here, stop := iter.Pull2(t.rows(ctx, c.to, Postgres))
		defer stop()
		a, errA, okA := there()
		b, errB, okB := here()
		for okA || okB {
			if err := cmp.Or(errA, errB); err != nil {
				yield(difference{}, err)
				return
			}
			order := 0
			switch {
			case !okB:
				order = -1
			case !okA:
				order = 1
			default:
				order = t.compareKeys(a, b)
			}
			var d difference
			if order <= 0 {
				d.there = a
			}
			if order >= 0 {
				d.here = b
			}
			if !same(d.there, d.here) && !yield(d, nil) {
				return
			}
			if order <= 0 {
				a, errA, okA = there()
			}
			if order >= 0 {
				b, errB, okB = here()
			}
		}
	}
}

// dropExtra removes what an earlier try brought and the source has no more.
func (c copying) dropExtra(ctx context.Context, t table) error {
	var any bool
	if err := c.to.GetContext(ctx, &any, "SELECT EXISTS (SELECT 1 FROM "+t.name+")"); err != nil || !any {
		return err
	}
	for d, err := range c.differences(ctx, t) {
		if err != nil {
			return err
		}
		if d.there != nil {
			continue
		}
		if err := c.remove(ctx, t, d.here); err != nil {
			return err
		}
	}
	return nil
}

func (c copying) remove(ctx context.Context, t table, r row) error {
	var where []string
	var key []any
	for i, at := range t.key {
		where = append(where, fmt.Sprintf("%s = $%d", t.columns[at].Name, i+1))
		key = append(key, r[at])
	}
	_, err := c.to.ExecContext(ctx, "DELETE FROM "+t.name+" WHERE "+strings.Join(where, " AND "), key...)
	return err
}

// fill copies what the target lacks, and mends what it has otherwise.
func (c copying) fill(ctx context.Context, t table) (err error) {
	var lacking []row
	var done int64
	flush := func() error {
		if err := c.insert(ctx, t, lacking); err != nil {
			return err
		}
		done += int64(len(lacking))
		lacking = lacking[:0]
		c.tell(t.name, done)
		return nil
	}
	for d, err := range c.differences(ctx, t) {
		if err != nil {
			return err
		}
		if d.there == nil {
			continue // it has come since: what is compared at the end tells
		}
		if d.here != nil {
			if err := c.mend(ctx, t, d.there); err != nil {
				return err
			}
			continue
		}
		if lacking = append(lacking, d.there); len(lacking) == rowsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// insert brings rows to Postgres.
func (c copying) insert(ctx context.Context, t table, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	tx, err := c.to.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	in, err := tx.PrepareContext(ctx, "COPY "+t.name+" ("+strings.Join(t.names(), ", ")+") FROM STDIN")
	if err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := in.ExecContext(ctx, r...); err != nil {
			return err
		}
	}
	if _, err := in.ExecContext(ctx); err != nil {
		return err
	}
	if err := in.Close(); err != nil {
		return err
	}
	return tx.Commit()
}

// mend makes a row what it is at the source.
func (c copying) mend(ctx context.Context, t table, r row) error {
	var places, set, key []string
	for i, column := range t.columns {
		places = append(places, fmt.Sprintf("$%d", i+1))
		if column.Key > 0 {
			key = append(key, column.Name)
		} else {
			set = append(set, column.Name+" = EXCLUDED."+column.Name)
		}
	}
	_, err := c.to.ExecContext(ctx, "INSERT INTO "+t.name+" ("+strings.Join(t.names(), ", ")+
		") OVERRIDING SYSTEM VALUE VALUES ("+strings.Join(places, ", ")+") ON CONFLICT ("+strings.Join(key, ", ")+
		") DO UPDATE SET "+strings.Join(set, ", "), r...)
	return err
}

// check reads a table on both sides, and returns its rows. Any difference is an error.
func (c copying) check(ctx context.Context, t table) (rows int64, err error) {
	for d, err := range c.differences(ctx, t) {
		if err != nil {
			return 0, err
		}
		r := d.there
		if r == nil {
			r = d.here
		}
		var key []string
		for _, at := range t.key {
			key = append(key, fmt.Sprint(r[at]))
		}
		return 0, fmt.Errorf("the row %s is not the same on both sides", strings.Join(key, " "))
	}
	if err := c.to.GetContext(ctx, &rows, "SELECT COUNT(*) FROM "+t.name); err != nil {
		return 0, err
	}
	_, err = c.to.ExecContext(ctx, "ANALYZE "+t.name)
	return rows, err
}

// number makes the ids that Postgres gives go on after those that SQLite gave, of rows that are
// gone, too: others have read them.
func (c copying) number(ctx context.Context, t table) error {
	if !t.counts {
		return nil
	}
	var last sql.NullInt64
	if err := c.from.GetContext(ctx, &last, "SELECT MAX(seq) FROM sqlite_sequence WHERE name = ?", t.name); err != nil {
		return err
	}
	if last.Int64 == 0 {
		return nil
	}
	_, err := c.to.ExecContext(ctx, "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)", t.name, last.Int64)
	return err
}
