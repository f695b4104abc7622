-- name: add-messages
-- Those whose key is there already are left alone.
-- $1 account; $2 now, UTC; $3 JSON array of {key, broadcast, recipient, hash, preset, version, asked_by, send_at,
-- expires_at}.
INSERT INTO messages (account_id, broadcast_id, recipient, message_key, content_hash, preset, version, asked_by,
    created_at, send_at, expires_at)
SELECT $1::bigint, r.broadcast, r.recipient, r.key, r.hash, r.preset, r.version, r.asked_by, $2::timestamptz,
    r.send_at, r.expires_at
FROM json_to_recordset($3::json) AS r (key text, broadcast bigint, recipient text, hash text, preset text, version int,
    asked_by text, send_at timestamptz, expires_at timestamptz)
ON CONFLICT (account_id, message_key) DO NOTHING RETURNING id, message_key;

-- name: add-message-deliveries
-- $1 account; $2 JSON array of {message, broadcast, recipient, mini_openid, channel, vars, send_at, expires_at}.
INSERT INTO deliveries (account_id, broadcast_id, recipient, message_id, mini_openid, channel, vars, next_attempt_at,
    expires_at)
SELECT $1::bigint, r.broadcast, r.recipient, r.message, r.mini_openid, r.channel, r.vars, r.send_at, r.expires_at
FROM json_to_recordset($2::json) AS r (message bigint, broadcast bigint, recipient text, mini_openid text, channel text,
    vars text, send_at timestamptz, expires_at timestamptz);

-- name: find-followers-by-openid
-- Who has some openids, and who they are in a mini program.
-- $1 account; $2 mini program; $3 ids as a JSON array.
WITH r AS MATERIALIZED (SELECT value FROM json_array_elements_text($3::json) r (value))
SELECT r.value AS asked, f.openid, f.unionid, f.subscribed, f.subscribe_time, f.remark, f.tags,
    (SELECT b.mini_openid FROM bridges b WHERE b.account_id = $1 AND b.mini_id = $2
        AND b.openid = f.openid) AS mini_openid
FROM r CROSS JOIN LATERAL (SELECT x.* FROM followers x WHERE x.account_id = $1 AND x.openid = r.value OFFSET 0) f;

-- name: find-recipients
-- Who has some ids that are no followers' openids: unionids or mini_openids.
-- $1 account; $2 mini program; $3 ids as a JSON array.
WITH r AS MATERIALIZED (SELECT value FROM json_array_elements_text($3::json) r (value))
SELECT r.value AS asked, f.openid, f.unionid, f.subscribed, f.subscribe_time, f.remark, f.tags,
    (SELECT b.mini_openid FROM bridges b WHERE b.account_id = $1 AND b.mini_id = $2
        AND b.openid = f.openid) AS mini_openid
FROM r CROSS JOIN LATERAL (SELECT x.* FROM followers x WHERE x.account_id = $1 AND x.unionid = r.value OFFSET 0) f
UNION ALL
SELECT r.value, f.openid, COALESCE(f.unionid, m.unionid), f.subscribed, f.subscribe_time, f.remark, f.tags,
    m.mini_openid
FROM r CROSS JOIN LATERAL (
    SELECT x.* FROM mini_users x WHERE x.mini_id = $2 AND x.mini_openid = r.value OFFSET 0) m
LEFT JOIN LATERAL (
    SELECT x.* FROM followers x JOIN bridges b ON b.account_id = $1 AND b.mini_id = $2 AND b.openid = x.openid
        AND b.mini_openid = m.mini_openid
    WHERE x.account_id = $1 AND x.unionid = m.unionid ORDER BY x.subscribed DESC, x.openid LIMIT 1) f ON TRUE
UNION ALL
SELECT r.value, NULL, m.unionid, FALSE, NULL, '', '[]', m.mini_openid
FROM r CROSS JOIN LATERAL (SELECT x.* FROM mini_users x WHERE x.mini_id = $2 AND x.unionid = r.value OFFSET 0) m;
