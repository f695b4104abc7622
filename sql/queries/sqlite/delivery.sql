-- name: record-outcomes
-- Write what became of attempts. An end state stays, but for one thing: that
-- WeChat accepted the message is the truth, whoever says so and however late.
-- An outcome without attempted_at is one without a call.
-- An upsert of rows that exist, because for UPDATE … FROM the planner would go
-- through the whole broadcast for each outcome.
-- $1 account; $2 broadcast; $3 JSON array of {recipient, message, state, errcode, errmsg, msgid, attempted_at,
-- open_since,
-- next_attempt_at, held_until}; what is absent is 0 or NULL. What is not due at held_until is another's.
INSERT INTO deliveries (account_id, broadcast_id, recipient, message_id, channel, state, attempts, errcode, errmsg,
    msgid, attempted_at, open_since, next_attempt_at)
SELECT d.account_id, d.broadcast_id, d.recipient, d.message_id, d.channel, value ->> 'state',
    d.attempts + (value ->> 'attempted_at' IS NOT NULL),
    COALESCE(value ->> 'errcode', 0), COALESCE(value ->> 'errmsg', ''), value ->> 'msgid',
    COALESCE(value ->> 'attempted_at', d.attempted_at), value ->> 'open_since', value ->> 'next_attempt_at'
FROM json_each($3) CROSS JOIN deliveries d ON d.account_id = $1 AND d.broadcast_id = $2
    AND d.recipient = value ->> 'recipient' AND d.message_id = value ->> 'message'
WHERE d.state = 'pending' AND (value ->> 'held_until' IS NULL OR d.next_attempt_at = value ->> 'held_until')
    OR (value ->> 'state' = 'sent' AND d.state <> 'sent')
ON CONFLICT (account_id, broadcast_id, recipient, message_id) DO UPDATE SET state = excluded.state,
    attempts = excluded.attempts, errcode = excluded.errcode, errmsg = excluded.errmsg, msgid = excluded.msgid,
        attempted_at = excluded.attempted_at,
    open_since = excluded.open_since, next_attempt_at = excluded.next_attempt_at;

-- name: record-sent
-- Postgres only: there is no array here.
SELECT 1;

-- name: schedule-deliveries
-- Set when pending deliveries are due: now for those given back unattempted, the
-- claim's end for those being retried, so that they come back if the worker dies.
-- A note that may be another's is kept.
-- $1 account; $2 broadcast; $3 next_attempt_at, UTC; $4 JSON array of {recipient, message, open_since, keeps}; keeps:
-- whether what is noted there stays.
INSERT INTO deliveries (account_id, broadcast_id, recipient, message_id, channel, next_attempt_at, open_since)
SELECT d.account_id, d.broadcast_id, d.recipient, d.message_id, d.channel, $3,
    CASE WHEN value ->> 'keeps' THEN COALESCE(d.open_since, value ->> 'open_since') ELSE value ->> 'open_since' END
FROM json_each($4) CROSS JOIN deliveries d ON d.account_id = $1 AND d.broadcast_id = $2
    AND d.recipient = value ->> 'recipient' AND d.message_id = value ->> 'message'
WHERE d.state = 'pending'
ON CONFLICT (account_id, broadcast_id, recipient, message_id) DO UPDATE SET
    next_attempt_at = excluded.next_attempt_at, open_since = excluded.open_since;

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
-- $7 whether others than followers opted out; $8 NULL, or for those alone whose answer was lost after this, UTC;
-- $9 channel.
SELECT d.recipient, d.message_id AS message, d.attempts, d.open_since, d.right_at, d.expires_at, d.vars,
       TRUE AS fresh,
       COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u WHERE u.account_id = $1 AND u.id IN (f.unionid, b.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, f.subscribe_time, CASE WHEN $6 THEN f.remark END AS remark,
       CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT recipient, message_id, attempts, open_since, right_at, expires_at, vars
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND channel = $9 AND next_attempt_at IS NOT NULL
          AND next_attempt_at <= $3 AND ($8 IS NULL OR open_since > $8 AND attempted_at >= open_since)
      ORDER BY next_attempt_at LIMIT $4) d
LEFT JOIN followers f ON f.account_id = $1 AND f.openid = d.recipient
LEFT JOIN bridges b ON b.account_id = $1 AND b.mini_id = $5 AND b.openid = d.recipient
LEFT JOIN optouts o ON o.account_id = $1 AND o.id = d.recipient;

-- name: fresh-deliveries-of-mini-users
-- The same as fresh-deliveries, of an audience of mini users, too.
-- $1 account; $2 broadcast; $3 after this recipient; $4 at most; $5 mini program; $6 whether the profile is wanted;
-- $7 whether others than followers opted out.
SELECT d.recipient, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u
           WHERE u.account_id = $1 AND u.id IN (f.unionid, m.unionid, d.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN COALESCE(f.unionid, m.unionid) END AS unionid, f.subscribe_time,
       CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, d.mini_openid
FROM (SELECT recipient, mini_openid, attempts, open_since, vars,
             state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3 ORDER BY recipient LIMIT $4) d
LEFT JOIN followers f ON f.account_id = $1 AND f.openid = d.recipient
LEFT JOIN mini_users m ON m.mini_id = $5 AND m.mini_openid = d.mini_openid
LEFT JOIN optouts o ON o.account_id = $1 AND o.id = d.recipient
ORDER BY d.recipient;

-- name: due-deliveries-of-mini-users
-- The same as due-deliveries, of an audience of mini users, too.
-- $1 account; $2 broadcast; $3 now, UTC; $4 at most; $5 mini program; $6 whether the profile is wanted;
-- $7 whether others than followers opted out; $8 NULL, or for those alone whose answer was lost after this, UTC;
-- $9 channel.
SELECT d.recipient, d.message_id AS message, d.attempts, d.open_since, d.right_at, d.expires_at, d.vars,
       TRUE AS fresh,
       COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u
           WHERE u.account_id = $1 AND u.id IN (f.unionid, m.unionid, d.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN COALESCE(f.unionid, m.unionid) END AS unionid, f.subscribe_time,
       CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, d.mini_openid
FROM (SELECT recipient, message_id, mini_openid, attempts, open_since, right_at, expires_at, vars
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND channel = $9 AND next_attempt_at IS NOT NULL
          AND next_attempt_at <= $3 AND ($8 IS NULL OR open_since > $8 AND attempted_at >= open_since)
      ORDER BY next_attempt_at LIMIT $4) d
LEFT JOIN followers f ON f.account_id = $1 AND f.openid = d.recipient
LEFT JOIN mini_users m ON m.mini_id = $5 AND m.mini_openid = d.mini_openid
LEFT JOIN optouts o ON o.account_id = $1 AND o.id = d.recipient;

-- name: recent-messages
-- How many messages people have had, of all the account's broadcasts; what is under
-- way counts, too.
-- $1 account; $2 broadcast, which does not count; $3 a day ago; $4 a week ago, UTC; $5 recipients as a JSON array;
-- $6 the first broadcast to look at; %s the recipients.
SELECT d.recipient, SUM(CASE WHEN d.attempted_at IS NULL OR d.attempted_at >= $3 THEN 1 ELSE 0 END) AS day,
    COUNT(*) AS week
FROM (%s) r CROSS JOIN deliveries d
WHERE d.account_id = $1 AND d.recipient || '' = r.value AND d.broadcast_id >= $6 AND d.broadcast_id <> $2
  AND (d.state IN ('sent', 'unknown') AND d.attempted_at >= $4
       OR d.state = 'pending' AND (d.open_since IS NOT NULL OR d.right_at IS NOT NULL OR EXISTS (
          SELECT 1 FROM leases l WHERE l.account_id = d.account_id AND l.broadcast_id = d.broadcast_id
                                   AND l.from_recipient < d.recipient AND d.recipient <= l.to_recipient)))
GROUP BY d.recipient;

-- name: pending-elsewhere
-- To which of these people an older broadcast is being tried again, and when.
-- $1 account; $2 broadcast; $3 priority; $4 at work since, UTC; $5 recipients as a JSON array; %s the recipients.
SELECT d.recipient, d.next_attempt_at
FROM (%s) r CROSS JOIN deliveries d JOIN broadcasts b ON b.account_id = d.account_id AND b.id = d.broadcast_id
WHERE d.account_id = $1 AND d.recipient || '' = r.value AND d.broadcast_id < $2 AND d.state = 'pending'
  AND d.next_attempt_at IS NOT NULL AND b.state = 'running' AND b.finished_at IS NULL AND b.takes_until IS NULL
      AND b.priority >= $3
  AND b.worked_at > $4;

-- name: messaged
-- Which of these people got, or are to get, a message that the audience rules out.
-- $1 account; $2 broadcast, which does not count; $3 excluded broadcasts as a JSON array; $4 messages since, UTC;
-- $5 recipients as a JSON array; %[1]s the recipients; %[2]s whether it is one of the broadcasts.
SELECT DISTINCT d.recipient
FROM (%[1]s) r CROSS JOIN deliveries d
WHERE d.account_id = $1 AND d.recipient || '' = r.value AND d.broadcast_id <> $2
  AND (d.broadcast_id %[2]s AND d.state IN ('pending', 'sent', 'unknown')
       OR d.state IN ('sent', 'unknown') AND d.attempted_at >= $4
       OR d.state = 'pending' AND d.message_id = 0 AND $4 < '9999-01-01' AND d.broadcast_id < $2 AND EXISTS (
          SELECT 1 FROM broadcasts b WHERE b.account_id = d.account_id AND b.id = d.broadcast_id
              AND b.state IN ('running', 'waiting')));
