-- name: list-followers
-- The account's followers in an audience, behind an openid.
-- $1 account; $2 mini program; $3 after this openid; $4 at most; %[1]s the variables; %[2]s joins; %[3]s conditions.
SELECT f.openid, f.unionid, f.subscribed, f.subscribe_time, f.subscribe_scene, f.remark, f.tags, f.first_seen_at,
    f.details_at,
    f.unfollowed_at, f.refollowed_at, b.mini_openid, %[1]s AS vars
FROM followers f LEFT JOIN bridges b ON b.account_id = f.account_id AND b.mini_id = $2 AND b.openid = f.openid %[2]s
WHERE f.account_id = $1 AND f.openid > $3 AND %[3]s ORDER BY f.openid LIMIT $4;

-- name: list-mini-users
-- The mini users of an audience who follow nothing, behind a mini_openid.
-- $1 account; $2 mini program; $3 after this id; $4 at most; $5 and up to this one;
-- %[1]s the variables; %[2]s joins; %[3]s conditions.
SELECT f.openid AS mini_openid, f.unionid, FALSE AS subscribed, f.created_at AS first_seen_at,
    f.updated_at AS details_at, %[1]s AS vars
FROM (SELECT m.mini_openid AS openid, m.unionid, FALSE AS subscribed, '' AS subscribe_scene, '' AS remark,
          '[]' AS tags, CAST(NULL AS TIMESTAMPTZ) AS subscribe_time, m.created_at, m.updated_at
      FROM mini_users m WHERE m.mini_id = $2 AND m.mini_openid > $3 AND m.mini_openid <= $5 AND (
            SELECT 1 FROM followers g WHERE g.account_id = $1 AND g.unionid = m.unionid AND (
                SELECT 1 FROM bridges b WHERE b.account_id = g.account_id AND b.mini_id = $2
                    AND b.openid = g.openid AND b.mini_openid = m.mini_openid LIMIT 1) IS NOT NULL LIMIT 1) IS NULL) f %[2]s
WHERE %[3]s ORDER BY f.openid LIMIT $4;

-- name: find-followers
-- Everyone who has this openid or this unionid.
-- $1 account; $2 openid or unionid.
SELECT f.openid, f.unionid, f.subscribed, f.subscribe_time, f.subscribe_scene, f.remark, f.tags, f.first_seen_at,
    f.details_at,
    f.unfollowed_at, f.refollowed_at
FROM followers f WHERE f.account_id = $1 AND f.openid = $2
UNION
SELECT f.openid, f.unionid, f.subscribed, f.subscribe_time, f.subscribe_scene, f.remark, f.tags, f.first_seen_at,
    f.details_at,
    f.unfollowed_at, f.refollowed_at
FROM followers f WHERE f.account_id = $1 AND f.unionid = $2;

-- name: find-mini-users
-- What a person is in one mini program.
-- $1 account; $2 mini program; $3 unionid.
SELECT a.appid, m.mini_openid, m.unionid, m.created_at, m.updated_at,
       EXISTS (SELECT 1 FROM bridges b WHERE b.account_id = $1 AND b.mini_id = $2 AND b.unionid = $3
           AND b.mini_openid = m.mini_openid) AS bridged
FROM mini_users m JOIN apps a ON a.id = m.mini_id WHERE m.mini_id = $2 AND m.unionid = $3;

-- name: find-deliveries
-- Every message to a recipient, the latest broadcast first.
-- $1 account; $2 recipient.
SELECT d.broadcast_id, b.name, d.recipient, d.message_id AS message, d.mini_openid, d.channel, d.fell_through,
    d.state, d.attempts,
    d.errcode, d.errmsg, d.msgid, d.attempted_at, d.next_attempt_at, COALESCE(d.receipt, '') AS told, v.came_at
FROM broadcasts b JOIN deliveries d ON d.account_id = b.account_id AND d.broadcast_id = b.id
LEFT JOIN visits v ON v.account_id = $1 AND v.broadcast_id = d.broadcast_id AND v.recipient = d.recipient
    AND v.message_id = d.message_id
WHERE b.account_id = $1 AND d.account_id = $1 AND d.recipient || '' = $2
ORDER BY d.broadcast_id DESC, d.message_id DESC;

-- name: list-deliveries
-- A broadcast's deliveries in the order of their recipients.
-- $1 account; $2 broadcast; $3, $4 after this recipient and message; $5 at most.
SELECT d.broadcast_id, '' AS name, d.recipient, d.message_id AS message, d.mini_openid, d.channel, d.fell_through,
    d.state, d.attempts, d.errcode, d.errmsg, d.msgid, d.attempted_at, d.next_attempt_at,
    COALESCE(d.receipt, '') AS told, v.came_at,
    CASE WHEN v.came_at IS NULL THEN 0 ELSE (SELECT COUNT(*) FROM goals g WHERE g.account_id = $1
        AND (g.openid = v.recipient OR g.mini_openid = v.recipient OR g.mini_openid = v.mini_openid)
        AND g.at >= v.came_at AND g.at < v.counts_until) END AS goals
FROM (SELECT * FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND (recipient, message_id) > ($3, $4)
      ORDER BY recipient, message_id LIMIT $5) d
LEFT JOIN visits v ON v.account_id = $1 AND v.broadcast_id = d.broadcast_id AND v.recipient = d.recipient
    AND v.message_id = d.message_id
ORDER BY d.recipient, d.message_id;

-- name: pick-deliveries
-- Those of a broadcast's next deliveries, in the order of their recipients, that have a state and an errcode.
-- $1 account; $2 broadcast; $3, $4 after this recipient and message; $5 state, or ''; $6 errcode, or NULL; $7 looked at,
-- at most; $8 at most.
SELECT d.broadcast_id, '' AS name, d.recipient, d.message_id AS message, d.mini_openid, d.channel, d.fell_through,
    d.state, d.attempts, d.errcode, d.errmsg, d.msgid, d.attempted_at, d.next_attempt_at, COALESCE(d.receipt, '') AS told
FROM (SELECT * FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND (recipient, message_id) > ($3, $4)
      ORDER BY recipient, message_id LIMIT $7) d
WHERE (CAST($5 AS TEXT) = '' OR d.state = $5) AND (CAST($6 AS INTEGER) IS NULL OR d.errcode = $6)
ORDER BY d.recipient, d.message_id LIMIT $8;

-- name: skip-deliveries
-- The last of a broadcast's next so many deliveries, in the order of their recipients.
-- $1 account; $2 broadcast; $3, $4 after this recipient and message; $5 how many, less one.
SELECT recipient, message_id AS message FROM deliveries
WHERE account_id = $1 AND broadcast_id = $2 AND (recipient, message_id) > ($3, $4)
ORDER BY recipient, message_id LIMIT 1 OFFSET $5;

-- name: forget-follower
-- $1 account; $2 openid.
DELETE FROM followers WHERE account_id = $1 AND openid = $2;

-- name: forget-bridges
-- $1 account; $2 openid.
DELETE FROM bridges WHERE account_id = $1 AND openid = $2;

-- name: forget-mini-users
-- $1 mini program; $2 unionid.
DELETE FROM mini_users WHERE mini_id = $1 AND unionid = $2;

-- name: is-anothers
-- Whether a mini program is another account's.
-- $1 mini program; $2 account.
SELECT owner_id IS NOT NULL AND owner_id <> $2 FROM apps WHERE id = $1;

-- name: forget-mini-bridges
-- A mini program's bridges to a person, whichever account they are of.
-- $1 mini program; $2 unionid.
DELETE FROM bridges WHERE mini_id = $1 AND unionid = $2;

-- name: forget-deliveries
-- The rows stay for the counts, under a name that leads to no one.
-- $1 account; $2 recipient; $3 the name.
UPDATE deliveries SET recipient = $3, mini_openid = NULL, errmsg = '', msgid = NULL, vars = NULL
WHERE account_id = $1 AND recipient || '' = $2;

-- name: forget-leased-to
-- How far a broadcast has come is told by its last recipient: the one before serves as well.
-- $1 account; $2 recipient.
UPDATE broadcasts SET leased_to = COALESCE((SELECT MAX(d.recipient) FROM deliveries d
    WHERE d.account_id = $1 AND d.broadcast_id = broadcasts.id AND d.recipient < $2), '')
WHERE account_id = $1 AND leased_to = $2;

-- name: forget-fixed-to
-- Likewise how far its recipients are known. Who was passed by is asked for again.
-- $1 account; $2 recipient.
UPDATE broadcasts SET fixed_to = CASE WHEN fixed THEN '' ELSE COALESCE((SELECT MAX(d.recipient) FROM deliveries d
    WHERE d.account_id = $1 AND d.broadcast_id = broadcasts.id AND d.recipient < $2), '') END
WHERE account_id = $1 AND fixed_to = $2;

-- name: forget-list-rows
-- $1 account; $2 id.
DELETE FROM list_rows WHERE account_id = $1 AND list_id IN (SELECT id FROM lists WHERE account_id = $1) AND id = $2;

-- name: forget-early
-- $1 account; $2 openid.
DELETE FROM early_receipts WHERE account_id = $1 AND openid = $2;

-- name: forget-permits
-- $1 account; $2 recipient.
DELETE FROM permits WHERE account_id = $1 AND recipient = $2;

-- name: forget-windows
-- $1 account; $2 openid.
DELETE FROM windows WHERE account_id = $1 AND openid = $2;

-- name: forget-messages
-- $1 account; $2 recipient; $3 the name that leads to no one.
UPDATE messages SET recipient = $3 WHERE account_id = $1 AND recipient = $2;

-- name: forget-optout
-- It stays under a hash of the id, and counts again for who comes back.
-- $1 account; $2 id; $3 its hash.
UPDATE optouts SET id = $3, by_openid = TRUE, beside = TRUE
WHERE account_id = $1 AND id = $2 AND NOT EXISTS (SELECT 1 FROM optouts o WHERE o.account_id = $1 AND o.id = $3);

-- name: drop-optout
-- $1 account; $2 id.
DELETE FROM optouts WHERE account_id = $1 AND id = $2;

-- name: find-optouts-of
-- $1 account; $2 id.
SELECT id, since, source FROM optouts WHERE account_id = $1 AND id = $2;

-- name: find-list-rows
-- $1 account; $2 id.
SELECT r.list_id, r.vars FROM list_rows r JOIN lists l ON l.account_id = r.account_id AND l.id = r.list_id
WHERE l.account_id = $1 AND r.account_id = $1 AND r.id = $2 ORDER BY r.list_id;

-- name: find-callbacks
-- $1 account; $2 openid.
SELECT kind, created_at, event_key, content FROM callbacks WHERE account_id = $1 AND openid = $2 ORDER BY id;

-- name: find-permits-of
-- $1 account; $2 recipient.
SELECT template_id, recipient, granted_at, source, hint, scene, text_version, kind, messages FROM permits
WHERE account_id = $1 AND recipient = $2 ORDER BY granted_at;

-- name: unionid-of-mini-user
-- $1 mini program; $2 mini_openid.
SELECT unionid FROM mini_users WHERE mini_id = $1 AND mini_openid = $2 AND unionid <> '';

-- name: find-blocks-of
-- $1 account; $2 recipient.
SELECT channel, template_id, since FROM blocks WHERE account_id = $1 AND recipient = $2 ORDER BY since;

-- name: forget-listed
-- Take an openid out of the kept listings.
-- $1 account; $2 the openid between spaces.
UPDATE sync_pages SET openids = TRIM(REPLACE(' ' || openids || ' ', $2, ' '))
WHERE account_id = $1 AND ' ' || openids || ' ' LIKE '%' || $2 || '%';

-- name: find-by-remark
-- Followers whose remark begins with a text.
-- $1 account; $2 the text; $3 the text behind all that begin with it; $4 at most.
SELECT openid, remark, subscribed FROM followers
    WHERE account_id = $1 AND remark <> '' AND remark >= $2 AND remark < $3 ORDER BY remark, openid LIMIT $4;
