-- name: pending-events
-- $1 account; $2 at most.
SELECT id, openid, created_at, kind, event_key, msgid, status, content, detail FROM events
    WHERE account_id = $1 AND applied_at IS NULL ORDER BY id LIMIT $2;

-- name: count-events
-- By kind.
-- $1 account; $2 received from; $3 and before, UTC.
SELECT kind, COUNT(*) AS n FROM events WHERE account_id = $1 AND received_at >= $2
    AND received_at < $3 GROUP BY kind ORDER BY kind;

-- name: forget-events
-- $1 account; $2 openid.
DELETE FROM events WHERE account_id = $1 AND openid = $2;

-- name: drop-old-events
-- Those of subscribe messages are kept: they are what people allowed.
-- $1 account; $2 received before, UTC.
DELETE FROM events WHERE account_id = $1 AND received_at < $2 AND applied_at IS NOT NULL
    AND kind NOT LIKE 'subscribe_msg_%';
