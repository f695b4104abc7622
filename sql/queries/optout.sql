-- name: list-optouts
-- $1 account; $2 after this id; $3 at most.
SELECT id, since, source FROM optouts WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3;
