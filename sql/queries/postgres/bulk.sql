-- name: add-listing-page
-- $1 run; $2 page; $3 openids as a JSON array.
INSERT INTO sync_listing (run_id, page, openid) SELECT $1, $2, value FROM json_array_elements_text($3::json);

-- name: page-needs-details
-- Openids of a stored page whose details are wanted: new, returned, or without
-- unionid and due by the slowing schedule; everyone not yet read since $8 in a full run.
-- $1 account; $2 run; $3 page; $4-$7 read before (by times asked: 1, 2, 3, more); $8 full run: read before, or NULL.
SELECT DISTINCT l.openid, f.openid IS NOT NULL AS known
FROM sync_listing l LEFT JOIN followers f ON f.account_id = $1 AND f.openid = l.openid
WHERE l.run_id = $2 AND l.page = $3
  AND (f.openid IS NULL OR NOT f.subscribed OR f.details_at < $8::timestamptz
    OR f.unionid IS NULL AND f.details_at < CASE f.unionid_asks WHEN 0 THEN $4::timestamptz WHEN 1 THEN $4::timestamptz WHEN 2 THEN $5::timestamptz WHEN 3 THEN $6::timestamptz ELSE $7::timestamptz END);

-- name: upsert-followers
-- Insert followers or refresh those stored; a reply without a unionid keeps the one we had.
-- $1 account; $2 now, UTC; $3 JSON array of {openid, unionid, subscribe_time, scene, remark, tags}.
INSERT INTO followers (account_id, openid, unionid, subscribed, subscribe_time, subscribe_scene, remark, tags, first_seen_at, details_at, unionid_asks)
SELECT $1, openid, unionid, TRUE, subscribe_time, scene, remark, tags, $2, $2, CASE WHEN unionid IS NULL THEN 1 ELSE 0 END
FROM json_to_recordset($3::json) AS r (openid text, unionid text, subscribe_time timestamptz, scene text, remark text, tags text)
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
WHERE account_id = $1 AND subscribed AND openid IN (SELECT value FROM json_array_elements_text($3::json));

-- name: make-import-staging
CREATE TEMP TABLE mini_users_import (line BIGINT NOT NULL, mini_openid TEXT COLLATE "C" NOT NULL, unionid TEXT COLLATE "C" NOT NULL) ON COMMIT DROP;

-- name: stage-mini-users
-- $1 JSON array of {line, mini_openid, unionid}.
INSERT INTO mini_users_import (line, mini_openid, unionid)
SELECT line, mini_openid, unionid FROM json_to_recordset($1::json) AS r (line bigint, mini_openid text, unionid text);

-- name: drop-import-staging
-- The staging table goes with its transaction.
SELECT 1;

-- name: record-outcomes
-- Write what became of attempts. An end state stays, but for one thing: that
-- WeChat accepted the message is the truth, whoever says so and however late.
-- An outcome without attempted_at is one without a call.
-- $1 broadcast; $2 JSON array of {openid, state, errcode, errmsg, msgid, attempted_at, open_since, next_attempt_at}.
UPDATE deliveries d SET state = o.state, attempts = d.attempts + CASE WHEN o.attempted_at IS NULL THEN 0 ELSE 1 END, errcode = o.errcode, errmsg = o.errmsg, msgid = o.msgid,
    attempted_at = COALESCE(o.attempted_at, d.attempted_at), open_since = o.open_since, next_attempt_at = o.next_attempt_at
FROM json_to_recordset($2::json) AS o (openid text, state text, errcode int, errmsg text, msgid bigint, attempted_at timestamptz, open_since timestamptz, next_attempt_at timestamptz)
WHERE d.broadcast_id = $1 AND d.openid = o.openid AND (d.state = 'pending' OR (o.state = 'sent' AND d.state <> 'sent'));

-- name: schedule-deliveries
-- Set when pending deliveries are due: now for those given back unattempted, the
-- claim's end for those being retried, so that they come back if the worker dies.
-- $1 broadcast; $2 next_attempt_at, UTC; $3 JSON array of {openid, open_since}.
UPDATE deliveries d SET next_attempt_at = $2, open_since = o.open_since
FROM json_to_recordset($3::json) AS o (openid text, open_since timestamptz)
WHERE d.broadcast_id = $1 AND d.openid = o.openid AND d.state = 'pending';

-- name: delete-leases
-- $1 worker; $2 lease ids as a JSON array.
DELETE FROM leases WHERE worker = $1 AND id IN (SELECT value::bigint FROM json_array_elements_text($2::json));

-- name: lock-broadcast
-- Serialise the claims of one broadcast until the transaction ends.
-- $1 broadcast.
SELECT id FROM broadcasts WHERE id = $1 FOR UPDATE;

-- name: lock-account
-- Serialise pacing and quota of one account until the transaction ends.
-- $1 account.
SELECT id FROM apps WHERE id = $1 FOR UPDATE;
