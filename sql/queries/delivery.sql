-- name: fix-recipients
-- One delivery each for the next recipients, in openid order.
-- $1 broadcast; $2 account; $3 mini program; $4 after this openid; $5 at most.
INSERT INTO deliveries (broadcast_id, openid)
SELECT $1, b.openid
FROM bridges b JOIN followers f ON f.account_id = b.account_id AND f.openid = b.openid
WHERE b.account_id = $2 AND b.mini_id = $3 AND b.openid > $4 AND f.subscribed
ORDER BY b.openid LIMIT $5;

-- name: last-fixed
-- The last of the recipients just fixed, and their number.
-- $1 broadcast; $2 after this openid.
SELECT COALESCE(MAX(openid), '') AS openid, COUNT(*) AS n FROM deliveries WHERE broadcast_id = $1 AND openid > $2;

-- name: count-audience
-- $1 account; $2 mini program.
SELECT COUNT(*) FROM bridges b JOIN followers f ON f.account_id = b.account_id AND f.openid = b.openid
WHERE b.account_id = $1 AND b.mini_id = $2 AND f.subscribed;

-- name: tally
-- $1 broadcast.
SELECT state, errcode, COUNT(*) AS n FROM deliveries WHERE broadcast_id = $1 GROUP BY state, errcode;

-- name: fresh-deliveries
-- The next deliveries that nobody has leased yet, in openid order.
-- $1 broadcast; $2 after this openid; $3 at most; $4 account; $5 mini program.
SELECT d.openid, d.attempts, d.open_since, f.unionid, f.subscribe_time, f.subscribe_scene, f.remark, f.tags, b.mini_openid
FROM (SELECT openid, attempts, open_since FROM deliveries WHERE broadcast_id = $1 AND openid > $2 ORDER BY openid LIMIT $3) d
LEFT JOIN followers f ON f.account_id = $4 AND f.openid = d.openid
LEFT JOIN bridges b ON b.account_id = $4 AND b.mini_id = $5 AND b.openid = d.openid
ORDER BY d.openid;

-- name: due-deliveries
-- Deliveries whose retry is due.
-- $1 broadcast; $2 now, UTC; $3 at most; $4 account; $5 mini program.
SELECT d.openid, d.attempts, d.open_since, f.unionid, f.subscribe_time, f.subscribe_scene, f.remark, f.tags, b.mini_openid
FROM (SELECT openid, attempts, open_since FROM deliveries
      WHERE broadcast_id = $1 AND next_attempt_at IS NOT NULL AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT $3) d
LEFT JOIN followers f ON f.account_id = $4 AND f.openid = d.openid
LEFT JOIN bridges b ON b.account_id = $4 AND b.mini_id = $5 AND b.openid = d.openid;

-- name: next-due
-- When the earliest retry is due.
-- $1 broadcast.
SELECT next_attempt_at FROM deliveries WHERE broadcast_id = $1 AND next_attempt_at IS NOT NULL ORDER BY next_attempt_at LIMIT 1;
