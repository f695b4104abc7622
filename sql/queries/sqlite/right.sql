-- name: take-permits
-- Use up the oldest consent of each person who has one. Those to which a person agrees once
-- allow as many messages as there are.
-- $1 account; $2 app; $3 template; $4 recipients as the app knows them, as a JSON array.
UPDATE permits SET messages = messages - (kind = 'once')
WHERE account_id = $1 AND app_id = $2 AND template_id = $3 AND recipient IN (SELECT value FROM json_each($4))
  AND messages > 0 AND NOT EXISTS (SELECT 1 FROM permits x WHERE x.account_id = $1 AND x.app_id = $2
      AND x.template_id = $3 AND x.recipient = permits.recipient AND x.messages > 0
      AND (x.granted_at, x.source) < (permits.granted_at, permits.source))
RETURNING recipient AS id, granted_at AS at;

-- name: return-permits
-- Give consents back whose message surely did not go out, unless the person has refused since.
-- $1 account; $2 app; $3 template; $4 JSON array of {id, at}.
UPDATE permits SET messages = messages + 1
WHERE account_id = $1 AND app_id = $2 AND template_id = $3 AND kind = 'once' AND accepted
  AND (recipient, granted_at) IN (SELECT value ->> 'id', value ->> 'at' FROM json_each($4))
  AND source = (SELECT MIN(y.source) FROM permits y WHERE y.account_id = permits.account_id
      AND y.app_id = permits.app_id AND y.template_id = permits.template_id AND y.recipient = permits.recipient
      AND y.granted_at = permits.granted_at AND y.accepted)
  AND NOT EXISTS (SELECT 1 FROM permits x WHERE x.account_id = permits.account_id AND x.app_id = permits.app_id
      AND x.template_id = permits.template_id AND x.recipient = permits.recipient AND NOT x.accepted
      AND x.granted_at >= permits.granted_at);

-- name: zero-permits
-- WeChat says that these people allow nothing: what they gave before counts no more.
-- $1 account; $2 app; $3 template; $4 recipients as a JSON array; $5 given before, UTC.
UPDATE permits SET messages = 0, hint = FALSE
WHERE account_id = $1 AND app_id = $2 AND template_id = $3 AND recipient IN (SELECT value FROM json_each($4))
  AND granted_at < $5 AND (messages > 0 OR hint);

-- name: take-windows
-- Use up a message of each person who has a window open for long enough: it counts in all that
-- are open, so that the most of one is the most of all.
-- $1 account; $2 closes after, UTC; $3 openids as a JSON array.
UPDATE windows SET messages = messages - 1
WHERE account_id = $1 AND openid IN (SELECT value FROM json_each($3)) AND messages > 0 AND closes_at > $2
RETURNING openid AS id, opened_at AS at, closes_at AS until;

-- name: return-windows
-- Give a message back to all windows that were open when it was taken.
-- $1 account; $2 JSON array of {id, at}.
UPDATE windows SET messages = messages + 1
WHERE account_id = $1 AND EXISTS (SELECT 1 FROM json_each($2)
    WHERE windows.openid = value ->> 'id' AND windows.opened_at <= value ->> 'at')
  AND openid IN (SELECT value ->> 'id' FROM json_each($2));

-- name: close-windows-of
-- WeChat says that these people may not be written to.
-- $1 account; $2 openids as a JSON array; $3 opened before, UTC.
UPDATE windows SET messages = 0
WHERE account_id = $1 AND openid IN (SELECT value FROM json_each($2)) AND opened_at < $3 AND messages > 0;

-- name: open-windows
-- A later opening of the same kind begins anew.
-- $1 account; $2 JSON array of {openid, kind, at, until, messages}.
INSERT INTO windows (account_id, openid, kind, opened_at, closes_at, messages)
SELECT $1, value ->> 'openid', value ->> 'kind', value ->> 'at', value ->> 'until', value ->> 'messages'
FROM json_each($2) WHERE TRUE
ON CONFLICT (account_id, openid, kind) DO UPDATE SET opened_at = excluded.opened_at, closes_at = excluded.closes_at,
    messages = excluded.messages WHERE excluded.opened_at > windows.opened_at;

-- name: hold-rights
-- Note what deliveries hold that were just given to a worker.
-- $1 account; $2 broadcast; $3 JSON array of {recipient, message, at}.
INSERT INTO deliveries (account_id, broadcast_id, recipient, message_id, channel, right_at)
SELECT d.account_id, d.broadcast_id, d.recipient, d.message_id, d.channel, value ->> 'at'
FROM json_each($3) CROSS JOIN deliveries d ON d.account_id = $1 AND d.broadcast_id = $2
    AND d.recipient = value ->> 'recipient' AND d.message_id = value ->> 'message'
WHERE d.state = 'pending'
ON CONFLICT (account_id, broadcast_id, recipient, message_id) DO UPDATE SET right_at = excluded.right_at;

-- name: hand-over
-- Note messages that are about to leave, by a channel that takes a repeat for another message:
-- whoever notes one first may send it, and nobody after them.
-- $1 account; $2 broadcast; $3 channel; $4 now, UTC; $5 JSON array of {recipient, message}; $6 whether each must hold
-- a right.
UPDATE deliveries SET open_since = $4
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3
  AND (recipient, message_id) IN (SELECT value ->> 'recipient', value ->> 'message' FROM json_each($5))
  AND state = 'pending' AND open_since IS NULL AND (NOT $6 OR right_at IS NOT NULL)
RETURNING recipient, message_id AS message;

-- name: fall-through
-- A channel could not reach these people: the next one takes them.
-- $1 account; $2 broadcast; $3 channel; $4 the next one; $5 now, UTC; $6 JSON array of {recipient, message,
-- why, held_until}.
INSERT INTO deliveries (account_id, broadcast_id, recipient, message_id, channel, next_attempt_at, fell_through)
SELECT d.account_id, d.broadcast_id, d.recipient, d.message_id, $4, $5,
    CASE d.fell_through WHEN '' THEN '' ELSE d.fell_through || ',' END || (value ->> 'why')
FROM json_each($6) CROSS JOIN deliveries d ON d.account_id = $1 AND d.broadcast_id = $2
    AND d.recipient = value ->> 'recipient' AND d.message_id = value ->> 'message'
WHERE d.state = 'pending' AND d.channel = $3
    AND (value ->> 'held_until' IS NULL OR d.next_attempt_at = value ->> 'held_until')
ON CONFLICT (account_id, broadcast_id, recipient, message_id) DO UPDATE SET channel = excluded.channel,
    next_attempt_at = excluded.next_attempt_at, fell_through = excluded.fell_through, attempts = 0, open_since = NULL,
    right_at = NULL;

-- name: held-rights
-- What pending deliveries of a channel hold that never left.
-- $1 account; $2 broadcast; $3 channel.
SELECT recipient, message_id AS message, mini_openid, right_at FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3 AND state = 'pending' AND right_at IS NOT NULL
  AND open_since IS NULL;

-- name: drop-rights
-- $1 account; $2 broadcast; $3 channel; $4 JSON array of {recipient, message}.
UPDATE deliveries SET right_at = NULL
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3
  AND (recipient, message_id) IN (SELECT value ->> 'recipient', value ->> 'message' FROM json_each($4))
  AND state = 'pending' AND open_since IS NULL;

-- name: openids-of-mini-users
-- The followers who are these mini users, by their unionid: those who have left, too, to whom no
-- bridge leads any more, since what they were sent is theirs still.
-- $1 account; $2 mini program; $3 mini_openids as a JSON array.
SELECT m.mini_openid, f.openid
FROM json_each($3) r CROSS JOIN mini_users m ON m.mini_id = $2 AND m.mini_openid = r.value
CROSS JOIN followers f ON f.account_id = $1 AND f.unionid = m.unionid;
