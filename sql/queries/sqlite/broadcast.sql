-- name: lock-broadcast
-- A write transaction is alone already.
-- $1 account; $2 broadcast.
SELECT id FROM broadcasts WHERE account_id = $1 AND id = $2;

-- name: lock-account
-- A write transaction is alone already.
-- $1 account.
SELECT id FROM apps WHERE id = $1;

-- name: lock-fixing
-- A write transaction is alone already.
-- $1 a JSON array of broadcasts.
SELECT CAST(value AS BIGINT) FROM json_each($1);
