-- name: add-messages
-- Those whose key is there already are left alone.
-- $1 account; $2 now, UTC; $3 JSON array of {key, broadcast, recipient, hash, preset, version, asked_by, send_at,
-- expires_at}.
INSERT INTO messages (account_id, broadcast_id, recipient, message_key, content_hash, preset, version, asked_by,
    created_at, send_at, expires_at)
SELECT $1, value ->> 'broadcast', value ->> 'recipient', value ->> 'key', value ->> 'hash', value ->> 'preset',
    value ->> 'version', value ->> 'asked_by', $2, value ->> 'send_at', value ->> 'expires_at'
FROM json_each($3) WHERE TRUE
ON CONFLICT (account_id, message_key) DO NOTHING RETURNING id, message_key;

-- name: add-message-deliveries
-- $1 account; $2 JSON array of {message, broadcast, recipient, mini_openid, channel, vars, send_at, expires_at}.
INSERT INTO deliveries (account_id, broadcast_id, recipient, message_id, mini_openid, channel, vars, next_attempt_at,
    expires_at)
SELECT $1, value ->> 'broadcast', value ->> 'recipient', value ->> 'message', value ->> 'mini_openid',
    value ->> 'channel', value ->> 'vars', value ->> 'send_at', value ->> 'expires_at'
FROM json_each($2);

-- name: find-followers-by-openid
-- Who has some openids, and who they are in a mini program.
-- $1 account; $2 mini program; $3 ids as a JSON array.
SELECT r.value AS asked, f.openid, f.unionid, f.subscribed, f.subscribe_time, f.remark, f.tags,
    (SELECT b.mini_openid FROM bridges b WHERE b.account_id = $1 AND b.mini_id = $2
        AND b.openid = f.openid) AS mini_openid
FROM json_each($3) r CROSS JOIN followers f ON f.account_id = $1 AND f.openid = r.value;

-- name: find-recipients
-- Who has some ids that are no followers' openids: unionids or mini_openids.
-- $1 account; $2 mini program; $3 ids as a JSON array.
SELECT r.value AS asked, f.openid, f.unionid, f.subscribed, f.subscribe_time, f.remark, f.tags,
    (SELECT b.mini_openid FROM bridges b WHERE b.account_id = $1 AND b.mini_id = $2
        AND b.openid = f.openid) AS mini_openid
FROM json_each($3) r CROSS JOIN followers f ON f.account_id = $1 AND f.unionid = r.value
UNION ALL
SELECT r.value, f.openid, COALESCE(f.unionid, m.unionid), f.subscribed, f.subscribe_time, f.remark, f.tags,
    m.mini_openid
FROM json_each($3) r CROSS JOIN mini_users m ON m.mini_id = $2 AND m.mini_openid = r.value
LEFT JOIN followers f ON f.account_id = $1 AND f.unionid = m.unionid AND f.openid IN (
    SELECT b.openid FROM bridges b WHERE b.account_id = $1 AND b.mini_id = $2 AND b.openid = f.openid
        AND b.mini_openid = m.mini_openid)
UNION ALL
SELECT r.value, NULL, m.unionid, FALSE, NULL, '', '[]', m.mini_openid
FROM json_each($3) r CROSS JOIN mini_users m ON m.mini_id = $2 AND m.unionid = r.value;
