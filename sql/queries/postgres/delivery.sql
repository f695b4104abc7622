-- name: record-outcomes
-- Write what became of attempts. An end state stays, but for one thing: that
-- WeChat accepted the message is the truth, whoever says so and however late.
-- An outcome without attempted_at is one without a call.
-- The account and the broadcast are columns of the outcomes, behind OFFSET 0: of a new
-- broadcast the planner believes that it has few rows, and would read all of them for
-- each outcome.
-- $1 account; $2 broadcast; $3 JSON array of {recipient, message, state, errcode, errmsg, msgid, attempted_at,
-- open_since,
-- next_attempt_at, held_until}; what is absent is 0 or NULL. What is not due at held_until is another's.
UPDATE deliveries d SET state = o.state, attempts = d.attempts + CASE WHEN o.attempted_at IS NULL THEN 0 ELSE 1 END,
    errcode = COALESCE(o.errcode, 0), errmsg = COALESCE(o.errmsg, ''), msgid = o.msgid,
    attempted_at = COALESCE(o.attempted_at, d.attempted_at), open_since = o.open_since,
        next_attempt_at = o.next_attempt_at
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, r.* FROM json_to_recordset($3::json)
      AS r (recipient text, message bigint, state text, errcode int, errmsg text, msgid bigint,
            attempted_at timestamptz, open_since timestamptz, next_attempt_at timestamptz,
            held_until timestamptz) OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message
  AND (d.state = 'pending' AND (o.held_until IS NULL OR d.next_attempt_at = o.held_until)
    OR (o.state = 'sent' AND d.state <> 'sent'));

-- name: record-sent
-- The same for messages that WeChat accepted at once, as nearly all are: arrays of what
-- differs among them, which are parsed in a third of the JSON's time. In SELECTs, so that the
-- planner does not see how many they are: it would read the whole broadcast for them.
-- to_timestamp is immutable, as timestamptz + interval is not: a distributed engine
-- refuses that over a column.
-- $1 account; $2 broadcast; $3 recipients; $4 msgids; $5 attempted at, microseconds since 1970;
-- $6 messages, 0 for a broadcast's own.
UPDATE deliveries d SET state = 'sent', attempts = d.attempts + 1, errcode = 0, errmsg = '', msgid = NULLIF(o.msgid, 0),
    attempted_at = to_timestamp(o.attempted / 1e6::double precision), open_since = NULL, next_attempt_at = NULL
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, r.*
      FROM unnest((SELECT $3::text[]), (SELECT $4::bigint[]), (SELECT $5::bigint[]),
          (SELECT $6::bigint[])) AS r (recipient, msgid, attempted, message) OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message
    AND d.state <> 'sent';

-- name: schedule-deliveries
-- Set when pending deliveries are due: now for those given back unattempted, the
-- claim's end for those being retried, so that they come back if the worker dies.
-- A note that may be another's is kept.
-- $1 account; $2 broadcast; $3 next_attempt_at, UTC; $4 JSON array of {recipient, message, open_since, keeps}; keeps:
-- whether what is noted there stays.
UPDATE deliveries d SET next_attempt_at = $3,
    open_since = CASE WHEN o.keeps THEN COALESCE(d.open_since, o.open_since) ELSE o.open_since END
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, r.*
      FROM json_to_recordset($4::json) AS r (recipient text, message bigint, open_since timestamptz, keeps boolean)
      OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message
    AND d.state = 'pending';

-- name: fresh-deliveries
-- The next deliveries behind what was leased before, in the order of their recipients.
-- Those of the canary among them are not fresh: they have an end, or are due.
-- The account is a column of theirs, so that each person is looked up by their key,
-- whatever the planner believes of a new table.
-- $1 account; $2 broadcast; $3 after this recipient; $4 at most; $5 mini program; $6 whether the profile is wanted;
-- $7 whether others than followers opted out.
SELECT d.recipient, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u WHERE u.account_id = $1 AND u.id IN (f.unionid, b.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time,
       CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT $1::bigint AS account_id, $5::bigint AS mini_id, recipient, attempts, open_since, vars,
             state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3 ORDER BY recipient LIMIT $4) d
LEFT JOIN followers f ON f.account_id = d.account_id AND f.openid = d.recipient
LEFT JOIN bridges b ON b.account_id = d.account_id AND b.mini_id = d.mini_id AND b.openid = d.recipient
LEFT JOIN optouts o ON o.account_id = d.account_id AND o.id = d.recipient
ORDER BY d.recipient;

-- name: read-in-order
-- Until look-up-by-key, in this transaction: tables are read side by side in the order of their keys.
SELECT set_config('enable_mergejoin', 'on', TRUE), set_config('enable_nestloop', 'off', TRUE);

-- name: look-up-by-key
SELECT set_config('enable_mergejoin', 'off', TRUE), set_config('enable_nestloop', 'on', TRUE);

-- name: fresh-deliveries-in-order
-- The same as fresh-deliveries, with followers, bridges and opt-outs read in openid order
-- beside the deliveries, as far as those go. OFFSET 0 keeps them apart: else the planner
-- does not see that they come in that order.
-- $1 account; $2 broadcast; $3 after this recipient; $4 at most; $5 mini program; $6 whether the profile is wanted;
-- $7 whether others than followers opted out.
SELECT d.recipient, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u WHERE u.account_id = $1 AND u.id IN (f.unionid, b.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time,
       CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT recipient, attempts, open_since, vars, state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3 ORDER BY recipient LIMIT $4) d
LEFT JOIN (SELECT openid, subscribed, unionid, subscribe_time, remark, tags FROM followers
           WHERE account_id = $1 AND openid > $3 ORDER BY openid OFFSET 0) f ON f.openid = d.recipient
LEFT JOIN (SELECT openid, mini_openid FROM bridges
           WHERE account_id = $1 AND mini_id = $5 AND openid > $3 ORDER BY openid OFFSET 0) b ON b.openid = d.recipient
LEFT JOIN (SELECT id FROM optouts WHERE account_id = $1 AND id > $3 ORDER BY id OFFSET 0) o ON o.id = d.recipient
ORDER BY d.recipient;

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
       CASE WHEN $6 THEN f.unionid END AS unionid, CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time,
       CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT $1::bigint AS account_id, $5::bigint AS mini_id, recipient, message_id, attempts, open_since, right_at,
          expires_at, vars
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND channel = $9 AND next_attempt_at IS NOT NULL
          AND next_attempt_at <= $3 AND ($8::timestamptz IS NULL OR open_since > $8 AND attempted_at >= open_since)
      ORDER BY next_attempt_at LIMIT $4) d
LEFT JOIN followers f ON f.account_id = d.account_id AND f.openid = d.recipient
LEFT JOIN bridges b ON b.account_id = d.account_id AND b.mini_id = d.mini_id AND b.openid = d.recipient
LEFT JOIN optouts o ON o.account_id = d.account_id AND o.id = d.recipient;

-- name: fresh-deliveries-of-mini-users
-- The same as fresh-deliveries, of an audience of mini users, too.
-- $1 account; $2 broadcast; $3 after this recipient; $4 at most; $5 mini program; $6 whether the profile is wanted;
-- $7 whether others than followers opted out.
SELECT d.recipient, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed,
       o.id IS NOT NULL OR ($7 AND EXISTS (
           SELECT 1 FROM optouts u
           WHERE u.account_id = $1 AND u.id IN (f.unionid, m.unionid, d.mini_openid))) AS opted_out,
       CASE WHEN $6 THEN COALESCE(f.unionid, m.unionid) END AS unionid,
       CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time,
       CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, d.mini_openid
FROM (SELECT $1::bigint AS account_id, $5::bigint AS mini_id, recipient, mini_openid, attempts, open_since, vars,
             state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND recipient > $3 ORDER BY recipient LIMIT $4) d
LEFT JOIN followers f ON f.account_id = d.account_id AND f.openid = d.recipient
LEFT JOIN mini_users m ON m.mini_id = d.mini_id AND m.mini_openid = d.mini_openid
LEFT JOIN optouts o ON o.account_id = d.account_id AND o.id = d.recipient
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
       CASE WHEN $6 THEN COALESCE(f.unionid, m.unionid) END AS unionid,
       CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time,
       CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, d.mini_openid
FROM (SELECT $1::bigint AS account_id, $5::bigint AS mini_id, recipient, message_id, mini_openid, attempts, open_since,
          right_at, expires_at, vars
      FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND channel = $9 AND next_attempt_at IS NOT NULL
          AND next_attempt_at <= $3 AND ($8::timestamptz IS NULL OR open_since > $8 AND attempted_at >= open_since)
      ORDER BY next_attempt_at LIMIT $4) d
LEFT JOIN followers f ON f.account_id = d.account_id AND f.openid = d.recipient
LEFT JOIN mini_users m ON m.mini_id = d.mini_id AND m.mini_openid = d.mini_openid
LEFT JOIN optouts o ON o.account_id = d.account_id AND o.id = d.recipient;

-- name: recent-messages
-- How many messages people have had, of all the account's broadcasts; what is under
-- way counts, too.
-- Their deliveries are looked up by the index of people: in a query of its own, behind OFFSET 0,
-- or the planner may believe that those that are due are few, and go through all of them.
-- $1 account; $2 broadcast, which does not count; $3 a day ago; $4 a week ago, UTC; $5 recipients as a JSON array;
-- $6 the first broadcast to look at; %s the recipients.
SELECT d.recipient, SUM(CASE WHEN d.attempted_at IS NULL OR d.attempted_at >= $3 THEN 1 ELSE 0 END) AS day,
    COUNT(*) AS week
FROM (%s) r CROSS JOIN LATERAL (
    SELECT x.* FROM deliveries x
    WHERE x.account_id = $1 AND x.recipient || '' = r.value AND x.broadcast_id >= $6 OFFSET 0) d
WHERE d.broadcast_id <> $2
  AND (d.state IN ('sent', 'unknown') AND d.attempted_at >= $4
       OR d.state = 'pending' AND (d.open_since IS NOT NULL OR d.right_at IS NOT NULL OR EXISTS (
          SELECT 1 FROM leases l WHERE l.account_id = d.account_id AND l.broadcast_id = d.broadcast_id
                                   AND l.from_recipient < d.recipient AND d.recipient <= l.to_recipient)))
GROUP BY d.recipient;

-- name: pending-elsewhere
-- To which of these people an older broadcast is being tried again, and when.
-- Their deliveries are looked up by the index of people: in a query of its own, behind OFFSET 0,
-- or the planner may believe that those that are due are few, and go through all of them.
-- $1 account; $2 broadcast; $3 priority; $4 at work since, UTC; $5 recipients as a JSON array; %s the recipients.
SELECT d.recipient, d.next_attempt_at
FROM (%s) r CROSS JOIN LATERAL (
    SELECT x.* FROM deliveries x
    WHERE x.account_id = $1 AND x.recipient || '' = r.value AND x.broadcast_id < $2 OFFSET 0) d
JOIN broadcasts b ON b.account_id = $1 AND b.id = d.broadcast_id
WHERE d.state = 'pending' AND d.next_attempt_at IS NOT NULL AND b.state = 'running' AND b.finished_at IS NULL
  AND b.takes_until IS NULL AND b.priority >= $3 AND b.worked_at > $4;

-- name: messaged
-- Which of these people got, or are to get, a message that the audience rules out.
-- Their deliveries are looked up by the index of people: in a query of its own, behind OFFSET 0,
-- or the planner may believe that those that are due are few, and go through all of them.
-- $1 account; $2 broadcast, which does not count; $3 excluded broadcasts as a JSON array; $4 messages since, UTC;
-- $5 recipients as a JSON array; %[1]s the recipients; %[2]s whether it is one of the broadcasts.
SELECT DISTINCT d.recipient
FROM (%[1]s) r CROSS JOIN LATERAL (
    SELECT x.* FROM deliveries x WHERE x.account_id = $1 AND x.recipient || '' = r.value OFFSET 0) d
WHERE d.broadcast_id <> $2
  AND (d.broadcast_id %[2]s AND d.state IN ('pending', 'sent', 'unknown')
       OR d.state IN ('sent', 'unknown') AND d.attempted_at >= $4
       OR d.state = 'pending' AND d.message_id = 0 AND $4 < '9999-01-01' AND d.broadcast_id < $2 AND EXISTS (
          SELECT 1 FROM broadcasts b WHERE b.account_id = d.account_id AND b.id = d.broadcast_id
              AND b.state IN ('running', 'waiting')));
