-- name: add-listing-page
-- $1 run; $2 page; $3 openids as a JSON array.
INSERT INTO sync_listing (run_id, page, openid) SELECT $1, $2, value FROM json_each($3);

-- name: page-needs-details
-- Openids of a stored page whose details are wanted: new, returned, or without
-- unionid and due by the slowing schedule; everyone not yet read since $8 in a full run.
-- $1 account; $2 run; $3 page; $4-$7 read before (by times asked: 1, 2, 3, more); $8 full run: read before, or NULL.
SELECT DISTINCT l.openid, f.openid IS NOT NULL AS known
FROM sync_listing l LEFT JOIN followers f ON f.account_id = $1 AND f.openid = l.openid
WHERE l.run_id = $2 AND l.page = $3
  AND (f.openid IS NULL OR NOT f.subscribed OR f.details_at < $8
    OR f.unionid IS NULL AND f.details_at < CASE f.unionid_asks WHEN 0 THEN $4 WHEN 1 THEN $4 WHEN 2 THEN $5 WHEN 3 THEN $6 ELSE $7 END);

-- name: upsert-followers
-- Insert followers or refresh those stored; a reply without a unionid keeps the one we had.
-- $1 account; $2 now, UTC; $3 JSON array of {openid, unionid, subscribe_time, scene, remark, tags}.
INSERT INTO followers (account_id, openid, unionid, subscribed, subscribe_time, subscribe_scene, remark, tags, first_seen_at, details_at, unionid_asks)
SELECT $1, openid, unionid, TRUE, subscribe_time, scene, remark, tags, $2, $2, CASE WHEN unionid IS NULL THEN 1 ELSE 0 END
FROM (SELECT value ->> 'openid' AS openid, value ->> 'unionid' AS unionid, value ->> 'subscribe_time' AS subscribe_time, value ->> 'scene' AS scene, value ->> 'remark' AS remark, value ->> 'tags' AS tags FROM json_each($3)) AS r
WHERE TRUE
ON CONFLICT (account_id, openid) DO UPDATE SET
    unionid = COALESCE(excluded.unionid, followers.unionid),
    subscribe_time = excluded.subscribe_time,
    subscribe_scene = excluded.subscribe_scene,
    remark = excluded.remark,
    tags = excluded.tags,
    details_at = excluded.details_at,
    unionid_asks = CASE WHEN excluded.unionid IS NULL THEN followers.unionid_asks + 1 ELSE 0 END,
    refollowed_at = CASE WHEN followers.subscribed THEN followers.refollowed_at ELSE excluded.details_at END,
    subscribed = TRUE;

-- name: unfollow
-- Mark followers as gone. A row is changed once; its history stays.
-- $1 account; $2 now, UTC; $3 openids as a JSON array.
UPDATE followers SET subscribed = FALSE, unfollowed_at = $2
WHERE account_id = $1 AND subscribed AND openid IN (SELECT value FROM json_each($3));

-- name: make-import-staging
CREATE TEMP TABLE mini_users_import (line INTEGER NOT NULL, mini_openid TEXT NOT NULL, unionid TEXT NOT NULL);

-- name: stage-mini-users
-- $1 JSON array of {line, mini_openid, unionid}.
INSERT INTO mini_users_import (line, mini_openid, unionid)
SELECT line, mini_openid, unionid FROM (SELECT value ->> 'line' AS line, value ->> 'mini_openid' AS mini_openid, value ->> 'unionid' AS unionid FROM json_each($1)) AS r;

-- name: drop-import-staging
DROP TABLE mini_users_import;

-- name: record-outcomes
-- Write what became of attempts. An end state stays, but for one thing: that
-- WeChat accepted the message is the truth, whoever says so and however late.
-- An outcome without attempted_at is one without a call.
-- An upsert of rows that exist, because for UPDATE … FROM the planner would go
-- through the whole broadcast for each outcome.
-- $1 broadcast; $2 JSON array of {openid, state, errcode, errmsg, msgid, attempted_at, open_since, next_attempt_at}.
INSERT INTO deliveries (broadcast_id, openid, state, attempts, errcode, errmsg, msgid, attempted_at, open_since, next_attempt_at)
SELECT d.broadcast_id, d.openid, value ->> 'state', d.attempts + (value ->> 'attempted_at' IS NOT NULL), value ->> 'errcode', value ->> 'errmsg', value ->> 'msgid',
    COALESCE(value ->> 'attempted_at', d.attempted_at), value ->> 'open_since', value ->> 'next_attempt_at'
FROM json_each($2) CROSS JOIN deliveries d ON d.broadcast_id = $1 AND d.openid = value ->> 'openid'
WHERE d.state = 'pending' OR (value ->> 'state' = 'sent' AND d.state <> 'sent')
ON CONFLICT (broadcast_id, openid) DO UPDATE SET state = excluded.state, attempts = excluded.attempts, errcode = excluded.errcode,
    errmsg = excluded.errmsg, msgid = excluded.msgid, attempted_at = excluded.attempted_at, open_since = excluded.open_since,
    next_attempt_at = excluded.next_attempt_at;

-- name: schedule-deliveries
-- Set when pending deliveries are due: now for those given back unattempted, the
-- claim's end for those being retried, so that they come back if the worker dies.
-- $1 broadcast; $2 next_attempt_at, UTC; $3 JSON array of {openid, open_since}.
INSERT INTO deliveries (broadcast_id, openid, next_attempt_at, open_since)
SELECT d.broadcast_id, d.openid, $2, value ->> 'open_since'
FROM json_each($3) CROSS JOIN deliveries d ON d.broadcast_id = $1 AND d.openid = value ->> 'openid'
WHERE d.state = 'pending'
ON CONFLICT (broadcast_id, openid) DO UPDATE SET next_attempt_at = excluded.next_attempt_at, open_since = excluded.open_since;

-- name: delete-leases
-- $1 worker; $2 lease ids as a JSON array.
DELETE FROM leases WHERE worker = $1 AND id IN (SELECT value FROM json_each($2));

-- name: lock-broadcast
-- A write transaction is alone already.
-- $1 broadcast.
SELECT id FROM broadcasts WHERE id = $1;

-- name: lock-account
-- A write transaction is alone already.
-- $1 account.
SELECT id FROM apps WHERE id = $1;
