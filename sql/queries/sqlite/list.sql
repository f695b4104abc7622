-- name: find-list-row
-- One of these rows whose id the list has already.
-- $1 account; $2 list; $3 JSON array of {id, line, vars}.
SELECT l.id, l.line FROM json_each($3)
CROSS JOIN list_rows l ON l.account_id = $1 AND l.list_id = $2 AND l.id = value ->> 'id' LIMIT 1;

-- name: add-list-rows
-- $1 account; $2 list; $3 JSON array of {id, line, vars}.
INSERT INTO list_rows (account_id, list_id, id, line, vars)
SELECT $1, $2, value ->> 'id', value ->> 'line', value ->> 'vars' FROM json_each($3);
