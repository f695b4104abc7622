-- name: list-relays
-- Not those of people of whom one is put off.
-- $1 account; $2 target; $3 at most; $4 now, UTC.
SELECT r.id, r.openid, r.query, r.content_type, r.body, r.tries, r.received_at FROM relays r
WHERE r.account_id = $1 AND r.target = $2 AND NOT EXISTS (
    SELECT 1 FROM relays p WHERE p.account_id = $1 AND p.target = $2 AND p.openid = r.openid AND p.retry_at IS NOT NULL
        AND p.retry_at > $4)
ORDER BY r.id LIMIT $3;

-- name: drop-relays
-- $1 account; $2 ids as a JSON array; %s whether it is one of them.
DELETE FROM relays WHERE account_id = $1 AND id %s;

-- name: put-off-relays
-- $1 account; $2 ids as a JSON array; $3 retry_at, UTC; %s whether it is one of them.
UPDATE relays SET tries = tries + 1, retry_at = $3
WHERE account_id = $1 AND id %s;

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
