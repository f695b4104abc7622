-- name: list-relays
-- $1 account; $2 target; $3 at most.
SELECT id, openid, query, content_type, body FROM relays WHERE account_id = $1 AND target = $2 ORDER BY id LIMIT $3;

-- name: drop-relays
-- $1 account; $2 ids as a JSON array; %s the ids.
DELETE FROM relays WHERE account_id = $1 AND CAST(id AS TEXT) IN (%s);

-- name: count-relays
-- $1 account; $2 target; $3 at most.
SELECT COUNT(*) FROM (SELECT 1 FROM relays WHERE account_id = $1 AND target = $2 LIMIT $3) r;

-- name: drop-old-relays
-- $1 account; $2 received before, UTC; $3 at most.
DELETE FROM relays WHERE account_id = $1 AND id IN (
    SELECT x.id FROM relays x WHERE x.account_id = $1 AND x.received_at < $2 LIMIT $3);

-- name: forget-relays
-- $1 account; $2 openid.
DELETE FROM relays WHERE account_id = $1 AND openid = $2;
