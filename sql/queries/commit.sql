-- name: drop-old-commits
-- $1 account; $2 before, UTC.
DELETE FROM commits WHERE account_id = $1 AND at < $2;
