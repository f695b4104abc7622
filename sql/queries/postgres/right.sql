-- name: take-permits
-- Use up the oldest consent of each person who has one. Those to which a person agrees once
-- allow as many messages as there are.
-- $1 account; $2 app; $3 template; $4 recipients as the app knows them, as a JSON array.
UPDATE permits p SET messages = p.messages - CASE p.kind WHEN 'once' THEN 1 ELSE 0 END
FROM (SELECT $1::bigint AS account_id, $2::bigint AS app_id, $3::text AS template_id, r.value AS recipient,
        x.granted_at, x.source
      FROM json_array_elements_text($4::json) r (value) CROSS JOIN LATERAL (
          SELECT q.granted_at, q.source FROM permits q
          WHERE q.account_id = $1 AND q.app_id = $2 AND q.template_id = $3 AND q.recipient = r.value AND q.messages > 0
          ORDER BY q.granted_at, q.source LIMIT 1) x OFFSET 0) o
WHERE p.account_id = o.account_id AND p.app_id = o.app_id AND p.template_id = o.template_id
  AND p.recipient = o.recipient AND p.granted_at = o.granted_at AND p.source = o.source
RETURNING p.recipient AS id, p.granted_at AS at;

-- name: return-permits
-- Give consents back whose message surely did not go out, unless the person has refused since.
-- $1 account; $2 app; $3 template; $4 JSON array of {id, at}.
UPDATE permits p SET messages = p.messages + 1
FROM (SELECT $1::bigint AS account_id, $2::bigint AS app_id, $3::text AS template_id, r.*
      FROM json_to_recordset($4::json) AS r (id text, at timestamptz) OFFSET 0) o
WHERE p.account_id = o.account_id AND p.app_id = o.app_id AND p.template_id = o.template_id AND p.recipient = o.id
  AND p.granted_at = o.at AND p.kind = 'once' AND p.accepted
  AND p.source = (SELECT MIN(y.source) FROM permits y WHERE y.account_id = p.account_id AND y.app_id = p.app_id
      AND y.template_id = p.template_id AND y.recipient = p.recipient AND y.granted_at = p.granted_at AND y.accepted)
  AND NOT EXISTS (SELECT 1 FROM permits x WHERE x.account_id = p.account_id AND x.app_id = p.app_id
      AND x.template_id = p.template_id AND x.recipient = p.recipient AND NOT x.accepted
      AND x.granted_at >= p.granted_at);

-- name: zero-permits
-- WeChat says that these people allow nothing: what they gave before counts no more.
-- $1 account; $2 app; $3 template; $4 recipients as a JSON array; $5 given before, UTC.
UPDATE permits p SET messages = 0, hint = FALSE
FROM (SELECT $1::bigint AS account_id, $2::bigint AS app_id, $3::text AS template_id, r.value AS recipient
      FROM json_array_elements_text($4::json) r (value) OFFSET 0) o
WHERE p.account_id = o.account_id AND p.app_id = o.app_id AND p.template_id = o.template_id
  AND p.recipient = o.recipient AND p.granted_at < $5 AND (p.messages > 0 OR p.hint);

-- name: take-windows
-- Use up a message of each person who has a window open for long enough: it counts in all that
-- are open, so that the most of one is the most of all.
-- $1 account; $2 closes after, UTC; $3 openids as a JSON array.
UPDATE windows w SET messages = w.messages - 1
FROM (SELECT $1::bigint AS account_id, r.value AS openid FROM json_array_elements_text($3::json) r (value) OFFSET 0) o
WHERE w.account_id = o.account_id AND w.openid = o.openid AND w.messages > 0 AND w.closes_at > $2
RETURNING w.openid AS id, w.opened_at AS at, w.closes_at AS until;

-- name: return-windows
-- Give a message back to all windows that were open when it was taken.
-- $1 account; $2 JSON array of {id, at}.
UPDATE windows w SET messages = w.messages + 1
FROM (SELECT $1::bigint AS account_id, r.* FROM json_to_recordset($2::json) AS r (id text, at timestamptz) OFFSET 0) o
WHERE w.account_id = o.account_id AND w.openid = o.id AND w.opened_at <= o.at;

-- name: close-windows-of
-- WeChat says that these people may not be written to.
-- $1 account; $2 openids as a JSON array; $3 opened before, UTC.
UPDATE windows w SET messages = 0
FROM (SELECT $1::bigint AS account_id, r.value AS openid FROM json_array_elements_text($2::json) r (value) OFFSET 0) o
WHERE w.account_id = o.account_id AND w.openid = o.openid AND w.opened_at < $3 AND w.messages > 0;

-- name: open-windows
-- A later opening of the same kind begins anew.
-- $1 account; $2 JSON array of {openid, kind, at, until, messages}.
INSERT INTO windows (account_id, openid, kind, opened_at, closes_at, messages)
SELECT $1::bigint, r.openid, r.kind, r.at, r.until, r.messages
FROM json_to_recordset($2::json) AS r (openid text, kind text, at timestamptz, until timestamptz, messages int)
ON CONFLICT (account_id, openid, kind) DO UPDATE SET opened_at = excluded.opened_at, closes_at = excluded.closes_at,
    messages = excluded.messages WHERE excluded.opened_at > windows.opened_at;

-- name: hold-rights
-- Note what deliveries hold that were just given to a worker.
-- $1 account; $2 broadcast; $3 JSON array of {recipient, message, at}.
UPDATE deliveries d SET right_at = o.at
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, r.*
      FROM json_to_recordset($3::json) AS r (recipient text, message bigint, at timestamptz) OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message
    AND d.state = 'pending';

-- name: hand-over
-- Note messages that are about to leave, by a channel that takes a repeat for another message:
-- whoever notes one first may send it, and nobody after them.
-- $1 account; $2 broadcast; $3 channel; $4 now, UTC; $5 JSON array of {recipient, message}; $6 whether each must hold
-- a right.
UPDATE deliveries d SET open_since = $4
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, r.*
      FROM json_to_recordset($5::json) AS r (recipient text, message bigint) OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message AND d.channel = $3 AND d.state = 'pending' AND d.open_since IS NULL
        AND (NOT $6::boolean OR d.right_at IS NOT NULL)
RETURNING d.recipient, d.message_id AS message;

-- name: fall-through
-- A channel could not reach these people: the next one takes them.
-- $1 account; $2 broadcast; $3 channel; $4 the next one; $5 now, UTC; $6 JSON array of {recipient, message,
-- why, held_until}.
UPDATE deliveries d SET channel = $4, next_attempt_at = $5, attempts = 0, open_since = NULL, right_at = NULL,
    fell_through = CASE d.fell_through WHEN '' THEN '' ELSE d.fell_through || ',' END || o.why
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, r.*
      FROM json_to_recordset($6::json) AS r (recipient text, message bigint, why text, held_until timestamptz)
      OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message AND (o.held_until IS NULL OR d.next_attempt_at = o.held_until)
  AND d.state = 'pending' AND d.channel = $3;

-- name: held-rights
-- What pending deliveries of a channel hold that never left.
-- $1 account; $2 broadcast; $3 channel.
SELECT recipient, message_id AS message, mini_openid, right_at FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3 AND state = 'pending' AND right_at IS NOT NULL
  AND open_since IS NULL;

-- name: drop-rights
-- $1 account; $2 broadcast; $3 channel; $4 JSON array of {recipient, message}.
UPDATE deliveries d SET right_at = NULL
FROM (SELECT $1::bigint AS account_id, $2::bigint AS broadcast_id, r.*
      FROM json_to_recordset($4::json) AS r (recipient text, message bigint) OFFSET 0) o
WHERE d.account_id = o.account_id AND d.broadcast_id = o.broadcast_id AND d.recipient = o.recipient
    AND d.message_id = o.message
  AND d.channel = $3 AND d.state = 'pending' AND d.open_since IS NULL;

-- name: openids-of-mini-users
-- The followers who are these mini users, by their unionid: those who have left, too, to whom no
-- bridge leads any more, since what they were sent is theirs still.
-- $1 account; $2 mini program; $3 mini_openids as a JSON array.
SELECT m.mini_openid, f.openid
FROM (SELECT $1::bigint AS account_id, $2::bigint AS mini_id, r.value AS mini_openid
      FROM json_array_elements_text($3::json) r (value) OFFSET 0) o
JOIN mini_users m ON m.mini_id = o.mini_id AND m.mini_openid = o.mini_openid
JOIN followers f ON f.account_id = o.account_id AND f.unionid = m.unionid;
