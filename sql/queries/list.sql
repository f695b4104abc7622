-- name: add-list
-- $1 account; $2 digest; $3 kind; $4 now, UTC.
INSERT INTO lists (account_id, digest, kind, loaded_at) VALUES ($1, $2, $3, $4) RETURNING id;

-- name: find-list
-- $1 account; $2 digest; $3 kind.
SELECT id, row_count FROM lists WHERE account_id = $1 AND digest = $2 AND kind = $3 AND complete
    ORDER BY id DESC LIMIT 1;

-- name: complete-list
-- $1 account; $2 list; $3 its rows.
UPDATE lists SET complete = TRUE, row_count = $3 WHERE account_id = $1 AND id = $2;

-- name: count-list
-- $1 account; $2 list.
SELECT row_count FROM lists WHERE account_id = $1 AND id = $2;
