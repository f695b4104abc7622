package bridge

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"iter"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// connectTimeout is how long the source's database may take to answer at all; the
// query itself may take as long as it takes.
const connectTimeout = 15 * time.Second

// ReadDatabase yields the rows of a query on the mini program's own database,
// mysql://user:password@host/database or postgres://…, in one transaction that may
// only read. Rows are streamed: neither side holds the result in memory.
func ReadDatabase(ctx context.Context, from, query string, columns Columns) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		db, hide, err := openSource(from)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer db.Close()
		ping, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		if err := db.PingContext(ping); err != nil {
			yield(Row{}, &wxcast.BadInput{
				Key: "from", Problem: wxcast.Say("import.unreachable", "why", hide(err)),
				Want: wxcast.Say("import.want_reachable"),
			})
			return
		}
		tx, err := beginReading(ctx, db, query)
		var bad *wxcast.BadInput
		switch {
		case errors.As(err, &bad):
			yield(Row{}, bad)
			return
		case err != nil:
			yield(Row{}, wxcast.NewError("import.broke_off", "why", hide(err)))
			return
		}
		defer func() { _ = tx.Rollback() }()
		// Prepared: one statement and no other, since what ends the transaction could write.
		stmt, err := tx.PrepareContext(ctx, query)
		var rows *sql.Rows
		if err == nil {
			defer stmt.Close()
			rows, err = stmt.QueryContext(ctx)
		}
		switch {
		case err != nil && isAway(err):
			yield(Row{}, wxcast.NewError("import.broke_off", "why", hide(err)))
			return
		case err != nil:
			yield(Row{}, &wxcast.BadInput{Key: "query", Problem: wxcast.Verbatim(hide(err))})
			return
		}
		defer rows.Close()
		if err := readRows(rows, columns, yield); err != nil {
			yield(Row{}, wxcast.NewError("import.broke_off", "why", hide(err)))
		}
	}
}

// reads begins a statement that only reads.
var reads = regexp.MustCompile(`(?is)^\s*(select|with|table|values)\b`)

// beginReading begins a transaction that may only read. Some servers, such as TiDB, refuse
// those: then the query must look like one that reads.
func beginReading(ctx context.Context, db *sql.DB, query string) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil || isAway(err) {
		return tx, err
	}
	if !reads.MatchString(query) {
		return nil, &wxcast.BadInput{Key: "query", Problem: wxcast.Say("import.no_select"),
			Want: wxcast.Say("import.want_select")}
	}
	return db.BeginTx(ctx, nil)
}

// isAway tells whether the connection was lost: the query may be right.
func isAway(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, mysql.ErrInvalidConn) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded)
}

// readRows yields the rows of a result; an error is one that the driver met.
func readRows(rows *sql.Rows, columns Columns, yield func(Row, error) bool) error {
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	unionIDAt, openIDAt, err := findColumns("", names, columns)
	var bad *wxcast.BadInput
	if errors.As(err, &bad) {
		bad.Problem = wxcast.Say("import.of_column", "column", bad.Key, "problem", bad.Problem)
		bad.Line, bad.Key = 0, "query"
		yield(Row{}, bad)
		return nil
	}
	var unionid, openid sql.NullString
	cells := make([]any, len(names))
	for i := range cells {
		cells[i] = new(sql.RawBytes) // not ours
	}
	cells[unionIDAt], cells[openIDAt] = &unionid, &openid
	for line := int64(1); rows.Next(); line++ {
		if err := rows.Scan(cells...); err != nil {
			return err
		}
		if !yield(Row{Line: line, UnionID: unionid.String, OpenID: openid.String}, nil) {
			return nil
		}
	}
	return rows.Err()
}

// openSource opens the database, and returns how its errors are told without the
// password.
func openSource(from string) (db *sql.DB, hide func(error) string, err error) {
	bad := func(problem wxcast.Sentence) error {
		return &wxcast.BadInput{Key: "from", Problem: problem, Want: wxcast.Say("import.want_url")}
	}
	u, err := url.Parse(from)
	if err != nil { // its text holds the password
		return nil, nil, bad(wxcast.Say("import.no_url"))
	}
	password, _ := u.User.Password()
	hide = func(err error) string {
		if password == "" {
			return err.Error()
		}
		return strings.NewReplacer(password, "***", url.QueryEscape(password), "***").Replace(err.Error())
	}
	switch {
	case u.Host == "" || len(u.Path) < 2:
		return nil, nil, bad(wxcast.Say("import.no_host"))
	case u.Scheme == "postgres" || u.Scheme == "postgresql":
		if q := u.Query(); !q.Has("sslmode") { // verified, unless it is on this machine
			q.Set("sslmode", "verify-full")
			if value.OnThisMachine(u.Hostname()) {
				q.Set("sslmode", "prefer")
			}
			u.RawQuery = q.Encode()
		}
		db, err = sql.Open("postgres", u.String())
	case u.Scheme == "mysql" || u.Scheme == "mariadb":
		db, err = openMySQL(u)
	default:
		return nil, nil, bad(wxcast.Say("import.no_scheme", "scheme", u.Scheme))
	}
	if err != nil {
		return nil, nil, bad(wxcast.Verbatim(hide(err)))
	}
	return db, hide, nil
}

func openMySQL(u *url.URL) (*sql.DB, error) {
	// Through a DSN, so that the URL's parameters (tls, charset …) mean what the
	// driver documents.
	host := u.Host
	if u.Port() == "" {
		host += ":3306"
	}
	config, err := mysql.ParseDSN("tcp(" + host + ")/" + strings.TrimPrefix(u.EscapedPath(), "/") + "?" + u.RawQuery)
	if err != nil {
		return nil, err
	}
	if !u.Query().Has("tls") && !value.OnThisMachine(u.Hostname()) {
		config.TLSConfig = "true"
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Timeout = connectTimeout
	config.Logger = &mysql.NopLogger{} // its errors come back to us
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
