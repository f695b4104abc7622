-- name: known-messages
-- What is kept under some callers' keys.
-- $1 account; $2 keys as a JSON array; %s the keys.
SELECT id, message_key, content_hash FROM messages WHERE account_id = $1 AND message_key IN (%s);

-- name: get-message
-- $1 account; $2 message.
SELECT m.id, m.account_id, m.broadcast_id, m.preset, m.version, m.asked_by, m.created_at, m.send_at, m.expires_at,
    b.name,
    d.recipient, d.message_id AS message, d.mini_openid, d.channel, d.fell_through, d.state, d.attempts, d.errcode,
        d.errmsg, d.msgid,
    d.attempted_at, d.next_attempt_at, d.receipt
FROM messages m JOIN broadcasts b ON b.account_id = m.account_id AND b.id = m.broadcast_id
JOIN deliveries d ON d.account_id = m.account_id AND d.broadcast_id = m.broadcast_id AND d.recipient = m.recipient
    AND d.message_id = m.id
WHERE m.account_id = $1 AND m.id = $2;

-- name: revoke-message
-- Cancel a message that has not left, and that no worker has in hand.
-- $1 account; $2 message; $3 errcode; $4 errmsg.
UPDATE deliveries SET state = 'skipped', errcode = $3, errmsg = $4, next_attempt_at = NULL
WHERE account_id = $1 AND broadcast_id = (SELECT m.broadcast_id FROM messages m WHERE m.account_id = $1 AND m.id = $2)
  AND recipient = (SELECT m.recipient FROM messages m WHERE m.account_id = $1 AND m.id = $2) AND message_id = $2
  AND state = 'pending' AND open_since IS NULL AND right_at IS NULL
RETURNING broadcast_id, recipient, message_id AS message, channel;

-- name: any-expired
-- Whether there are such as expire-messages ends.
-- $1 account; $2 expires before, UTC.
SELECT EXISTS (SELECT 1 FROM deliveries
    WHERE account_id = $1 AND expires_at <= $2 AND expires_at IS NOT NULL AND next_attempt_at IS NOT NULL
      AND open_since IS NULL AND right_at IS NULL);

-- name: expire-messages
-- Messages whose time is over before they could leave, and that no worker has in hand.
-- $1 account; $2 expires before, UTC; $3 at most; $4 errcode; $5 errmsg.
UPDATE deliveries SET state = 'skipped', errcode = $4, errmsg = $5, next_attempt_at = NULL
WHERE account_id = $1 AND (broadcast_id, recipient, message_id) IN (
    SELECT x.broadcast_id, x.recipient, x.message_id FROM deliveries x
    WHERE x.account_id = $1 AND x.expires_at <= $2 AND x.expires_at IS NOT NULL AND x.next_attempt_at IS NOT NULL
      AND x.open_since IS NULL AND x.right_at IS NULL LIMIT $3)
RETURNING broadcast_id, recipient, message_id AS message, channel;

-- name: free-message-keys
-- Callers' keys that are kept for long enough.
-- $1 account; $2 created before, UTC; $3 at most.
UPDATE messages SET message_key = NULL
WHERE account_id = $1 AND id IN (SELECT x.id FROM messages x
    WHERE x.account_id = $1 AND x.message_key IS NOT NULL AND x.created_at < $2 LIMIT $3);

-- name: drop-messages
-- Those of a broadcast whose deliveries are removed.
-- $1 account; $2 broadcast; $3 at most.
DELETE FROM messages WHERE account_id = $1 AND id IN (SELECT x.id FROM messages x
    WHERE x.account_id = $1 AND x.broadcast_id = $2 LIMIT $3);

-- name: count-messages-of-day
-- How many kinds of single messages a day has that were not given as a preset.
-- $1 account; $2 takes_until, UTC.
SELECT COUNT(*) FROM broadcasts WHERE account_id = $1 AND takes_until = $2 AND finished_at IS NULL;

-- name: add-preset
-- $1 account; $2 name; $3 spec; $4 now, UTC.
INSERT INTO presets (account_id, name, version, spec, created_at)
SELECT $1, $2, COALESCE(MAX(version), 0) + 1, $3, $4 FROM presets WHERE account_id = $1 AND name = $2
RETURNING version;

-- name: get-preset
-- A version of a preset, or its latest that is not removed, for 0.
-- $1 account; $2 name; $3 version.
SELECT name, version, spec, created_at, removed_at FROM presets
WHERE account_id = $1 AND name = $2 AND (version = $3 OR $3 = 0 AND removed_at IS NULL) ORDER BY version DESC LIMIT 1;

-- name: list-presets
-- The latest version of each that is not removed.
-- $1 account.
SELECT p.name, p.version, p.spec, p.created_at FROM presets p
WHERE p.account_id = $1 AND p.removed_at IS NULL AND p.version = (
    SELECT MAX(x.version) FROM presets x WHERE x.account_id = $1 AND x.name = p.name AND x.removed_at IS NULL)
ORDER BY p.name;

-- name: remove-preset
-- $1 account; $2 name; $3 now, UTC.
UPDATE presets SET removed_at = $3 WHERE account_id = $1 AND name = $2 AND removed_at IS NULL;

-- name: oldest-due-message
-- Since when the single message is due that has waited longest, of those that nothing but the
-- sending holds up.
-- $1 account.
SELECT MIN(d.next_attempt_at) AS due FROM broadcasts b
JOIN broadcast_channels c ON c.account_id = b.account_id AND c.broadcast_id = b.id AND c.state = 'running'
JOIN deliveries d ON d.account_id = b.account_id AND d.broadcast_id = b.id AND d.channel = c.channel
    AND d.next_attempt_at IS NOT NULL
WHERE b.account_id = $1 AND b.finished_at IS NULL AND b.takes_until IS NOT NULL AND b.state = 'running';
