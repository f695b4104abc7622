-- name: list-optouts
-- $1 account; $2 after this openid; $3 at most.
SELECT openid, since, source FROM optouts WHERE account_id = $1 AND openid > $2 ORDER BY openid LIMIT $3;
