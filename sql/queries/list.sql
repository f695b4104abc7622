-- name: add-list
-- $1 account; $2 digest; $3 kind; $4 now, UTC.
INSERT INTO lists (account_id, digest, kind, loaded_at) VALUES ($1, $2, $3, $4) RETURNING id;

-- name: find-list
-- Who asks for it is about to use it: it is kept for as long as a new one.
-- $1 account; $2 digest; $3 kind; $4 now, UTC.
UPDATE lists SET loaded_at = $4 WHERE account_id = $1 AND id = (SELECT MAX(l.id) FROM lists l
    WHERE l.account_id = $1 AND l.digest = $2 AND l.kind = $3 AND l.complete) AND complete RETURNING id, row_count;

-- name: complete-list
-- $1 account; $2 list; $3 its rows.
UPDATE lists SET complete = TRUE, row_count = $3 WHERE account_id = $1 AND id = $2;

-- name: count-list
-- $1 account; $2 list.
SELECT row_count FROM lists WHERE account_id = $1 AND id = $2;
