-- name: pending-callbacks
-- $1 account; $2 at most; $3 now, UTC.
SELECT id, app_id, openid, created_at, kind, event_key, msgid, status, content, detail, tries FROM callbacks
    WHERE account_id = $1 AND applied_at IS NULL AND (retry_at IS NULL OR retry_at <= $3) ORDER BY id LIMIT $2;

-- name: defer-callbacks
-- $1 account; $2 their ids as a JSON array; $3 retry_at, UTC; %s whether it is one of them.
UPDATE callbacks SET tries = tries + 1, retry_at = $3 WHERE account_id = $1 AND id %s;

-- name: set-callback-aside
-- $1 account; $2 event; $3 now, UTC; $4 why.
UPDATE callbacks SET tries = tries + 1, applied_at = $3, set_aside = $4 WHERE account_id = $1 AND id = $2;

-- name: count-callbacks
-- By kind.
-- $1 account; $2 received from; $3 and before, UTC.
SELECT kind, COUNT(*) AS n FROM callbacks WHERE account_id = $1 AND received_at >= $2
    AND received_at < $3 GROUP BY kind ORDER BY kind;

-- name: forget-callbacks
-- $1 account; $2 openid.
DELETE FROM callbacks WHERE account_id = $1 AND openid = $2;

-- name: last-callback
-- $1 account.
SELECT received_at FROM callbacks WHERE account_id = $1 ORDER BY id DESC LIMIT 1;
