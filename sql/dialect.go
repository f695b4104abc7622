package store

// oneOf is the condition that an id is one of a JSON array's. Postgres is given an array: of a
// table that it knows nothing of yet, it would read all of the account's rows for a subquery.
func (e Engine) oneOf(param string) string {
	if e == SQLite {
		return "IN (SELECT CAST(value AS BIGINT) FROM json_each(" + param + "))"
	}
	return "= ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(" + param + "::json)))"
}

// unlocked ends a query whose rows are locked, but for those that others have locked. In SQLite a
// write transaction is alone already.
func (e Engine) unlocked() string {
	if e == SQLite {
		return ""
	}
	return "FOR UPDATE SKIP LOCKED"
}

// elements is a subquery of a JSON array's texts.
func (e Engine) elements(param string) string {
	if e == SQLite {
		return "SELECT value FROM json_each(" + param + ")"
	}
	return "SELECT value FROM json_array_elements_text(" + param + "::json)"
}
