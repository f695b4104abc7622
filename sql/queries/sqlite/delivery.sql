-- name: record-outcomes
-- Write what became of attempts. An end state stays, but for one thing: that
-- WeChat accepted the message is the truth, whoever says so and however late.
-- An outcome without attempted_at is one without a call.
-- An upsert of rows that exist, because for UPDATE … FROM the planner would go
-- through the whole broadcast for each outcome.
-- $1 account; $2 broadcast; $3 JSON array of {recipient, state, errcode, errmsg, msgid, attempted_at, open_since,
-- next_attempt_at}; what is absent is 0 or NULL.
INSERT INTO deliveries (account_id, broadcast_id, recipient, channel, state, attempts, errcode, errmsg, msgid,
    attempted_at, open_since, next_attempt_at)
SELECT d.account_id, d.broadcast_id, d.recipient, d.channel, value ->> 'state',
    d.attempts + (value ->> 'attempted_at' IS NOT NULL),
    COALESCE(value ->> 'errcode', 0), COALESCE(value ->> 'errmsg', ''), value ->> 'msgid',
    COALESCE(value ->> 'attempted_at', d.attempted_at), value ->> 'open_since', value ->> 'next_attempt_at'
FROM json_each($3) CROSS JOIN deliveries d ON d.account_id = $1 AND d.broadcast_id = $2
    AND d.recipient = value ->> 'recipient'
WHERE d.state = 'pending' OR (value ->> 'state' = 'sent' AND d.state <> 'sent')
ON CONFLICT (account_id, broadcast_id, recipient) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
    errcode = excluded.errcode, errmsg = excluded.errmsg, msgid = excluded.msgid, attempted_at = excluded.attempted_at,
    open_since = excluded.open_since, next_attempt_at = excluded.next_attempt_at;

-- name: record-sent
-- Postgres only: there is no array here.
SELECT 1;

-- name: schedule-deliveries
-- Set when pending deliveries are due: now for those given back unattempted, the
-- claim's end for those being retried, so that they come back if the worker dies.
-- $1 account; $2 broadcast; $3 next_attempt_at, UTC; $4 JSON array of {recipient, open_since}.
INSERT INTO deliveries (account_id, broadcast_id, recipient, channel, next_attempt_at, open_since)
SELECT d.account_id, d.broadcast_id, d.recipient, d.channel, $3, value ->> 'open_since'
FROM json_each($4) CROSS JOIN deliveries d ON d.account_id = $1 AND d.broadcast_id = $2
    AND d.recipient = value ->> 'recipient'
WHERE d.state = 'pending'
ON CONFLICT (account_id, broadcast_id, recipient) DO UPDATE SET next_attempt_at = excluded.next_attempt_at,
    open_since = excluded.open_since;

-- name: fresh-deliveries
-- The next deliveries behind what was leased before, in the order of their recipients.
-- Those of the canary among them are not fresh: they have an end, or are due.
-- $1 account; $2 broadcast; $3 after this recipient; $4 at most; $5 mini program; $6 whether the profile is wanted;
-- $7 whether others than followers opted out.
SELECT d.recipient, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u WHERE u.account_id = $1 AND u.id IN (f.unionid, b.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, f.subscribe_time, CASE WHEN $6 THEN f.remark END AS remark,
       CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT recipient, attempts, open_since, vars, state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3 ORDER BY recipient LIMIT $4) d
LEFT JOIN followers f ON f.account_id = $1 AND f.openid = d.recipient
LEFT JOIN bridges b ON b.account_id = $1 AND b.mini_id = $5 AND b.openid = d.recipient
LEFT JOIN optouts o ON o.account_id = $1 AND o.id = d.recipient
ORDER BY d.recipient;

-- name: read-in-order
-- Postgres only, as the two below: here a look-up by key costs little more than the next row.
SELECT 1;

-- name: look-up-by-key
SELECT 1;

-- name: fresh-deliveries-in-order
SELECT 1;

-- name: due-deliveries
-- Deliveries whose retry is due.
-- $1 account; $2 broadcast; $3 now, UTC; $4 at most; $5 mini program; $6 whether the profile is wanted;
-- $7 whether others than followers opted out.
SELECT d.recipient, d.attempts, d.open_since, d.vars, TRUE AS fresh, COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u WHERE u.account_id = $1 AND u.id IN (f.unionid, b.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, f.subscribe_time, CASE WHEN $6 THEN f.remark END AS remark,
       CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT recipient, attempts, open_since, vars FROM deliveries
      WHERE account_id = $1 AND broadcast_id = $2 AND next_attempt_at IS NOT NULL AND next_attempt_at <= $3
      ORDER BY next_attempt_at LIMIT $4) d
LEFT JOIN followers f ON f.account_id = $1 AND f.openid = d.recipient
LEFT JOIN bridges b ON b.account_id = $1 AND b.mini_id = $5 AND b.openid = d.recipient
LEFT JOIN optouts o ON o.account_id = $1 AND o.id = d.recipient;
