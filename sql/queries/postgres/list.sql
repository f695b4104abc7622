-- name: find-list-row
-- One of these rows whose id the list has already.
-- $1 account; $2 list; $3 JSON array of {id, line, vars}.
SELECT l.id, l.line FROM json_to_recordset($3::json) AS r (id text)
CROSS JOIN LATERAL (SELECT id, line FROM list_rows
    WHERE account_id = $1 AND list_id = $2 AND id = r.id OFFSET 0) l LIMIT 1;

-- name: add-list-rows
-- $1 account; $2 list; $3 JSON array of {id, line, vars}.
INSERT INTO list_rows (account_id, list_id, id, line, vars)
SELECT $1, $2, id, line, vars FROM json_to_recordset($3::json) AS r (id text, line bigint, vars text);
