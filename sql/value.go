package store

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"time"
)

// timeFormat is how times stand in JSON parameters: SQLite's own text form,
// which Postgres reads, too. Always UTC, so that the text order is the order in time.
const timeFormat = "2006-01-02 15:04:05.999999-07:00"

// bytesOf are bytes as jsonParam writes them.
func bytesOf(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }

// nullTime is t, or NULL when t is zero, as a parameter.
func nullTime(t time.Time) sql.NullTime {
	return sql.NullTime{Time: t.UTC().Truncate(time.Microsecond), Valid: !t.IsZero()}
}

// jsonTime is t, or null when t is zero, inside a JSON parameter.
func jsonTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Truncate(time.Microsecond).Format(timeFormat)
	return &s
}

// jsonText is s, or null when s is empty, inside a JSON parameter.
func jsonText[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

// utc turns a nullable column into a time in UTC; NULL is the zero time.
func utc(t sql.NullTime) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// jsonParam renders rows as one JSON parameter: the form in which both engines
// take a set. Marshalling our own plain structs cannot fail.
func jsonParam(rows any) string {
	b, err := json.Marshal(rows)
	if err != nil {
		panic(err)
	}
	return string(b)
}
