-- name: follower-states
-- Which of these openids are stored, and whether they follow.
-- $1 account; $2 openids as a JSON array.
SELECT openid, subscribed FROM followers WHERE account_id = $1 AND openid IN (SELECT value FROM json_each($2));

-- name: upsert-followers
-- Insert followers or refresh those stored, each openid once; a reply without a unionid keeps the one we had.
-- $1 account; $2 now, UTC; $3 JSON array of {openid, unionid, subscribe_time, scene, remark, tags}; $4 run.
INSERT INTO followers (account_id, openid, unionid, subscribed, subscribe_time, subscribe_scene, remark, tags, first_seen_at, details_at, unionid_asks, sync_run_id)
SELECT $1, openid, unionid, TRUE, subscribe_time, scene, remark, tags, $2, $2, CASE WHEN unionid IS NULL THEN 1 ELSE 0 END, $4
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
    sync_run_id = excluded.sync_run_id,
    subscribed = TRUE
-- A row that says the same already is not rewritten.
WHERE NOT followers.subscribed OR excluded.unionid IS NULL OR followers.unionid IS NOT excluded.unionid
   OR followers.subscribe_time IS NOT excluded.subscribe_time OR followers.subscribe_scene <> excluded.subscribe_scene
   OR followers.remark <> excluded.remark OR followers.tags <> excluded.tags;

-- name: unfollow
-- Mark followers as gone. A row is changed once; its history stays. No listing
-- brought it to this state, whatever run it is from.
-- $1 account; $2 now, UTC; $3 openids as a JSON array.
UPDATE followers SET subscribed = FALSE, unfollowed_at = $2, sync_run_id = 0
WHERE account_id = $1 AND subscribed AND openid IN (SELECT value FROM json_each($3));

-- name: make-pairs
-- Every current follower with every mini user of their unionid. Not INSERT … SELECT,
-- which Postgres does not do in parallel; and this statement takes no parameters
-- there, so the numbers are written into it.
-- %[1]d account; %[2]d mini program.
CREATE TEMP TABLE pairs AS
SELECT f.unionid, f.openid, m.mini_openid
FROM followers f JOIN mini_users m ON m.mini_id = %[2]d AND m.unionid = f.unionid
WHERE f.account_id = %[1]d AND f.subscribed;

-- name: make-shared
-- The unionids among them that several people share.
CREATE TEMP TABLE shared AS SELECT unionid FROM pairs GROUP BY unionid HAVING COUNT(*) > 1;

-- name: tune-join
-- Nothing to tune.
SELECT 1;

-- name: drop-bridges-key
-- Postgres only, as the four below: the table is its key here.
SELECT 1;

-- name: make-bridges-key
SELECT 1;

-- name: add-first-bridges
SELECT 1;

-- name: view-pairs
SELECT 1;

-- name: drop-pairs-view
SELECT 1;

-- name: index-pairs
CREATE INDEX pairs_unionid ON pairs (unionid);

-- name: drop-pairs
DROP TABLE pairs;

-- name: drop-shared
DROP TABLE shared;

-- name: lock-join
-- A write transaction is alone already.
-- $1 account; $2 mini program.
SELECT account_id FROM joins WHERE account_id = $1 AND mini_id = $2;

-- name: make-import-staging
CREATE TEMP TABLE mini_users_import (line INTEGER NOT NULL, mini_openid TEXT NOT NULL, unionid TEXT NOT NULL);

-- name: stage-mini-users
-- $1 JSON array of {line, mini_openid, unionid}.
INSERT INTO mini_users_import (line, mini_openid, unionid)
SELECT line, mini_openid, unionid FROM (SELECT value ->> 'line' AS line, value ->> 'mini_openid' AS mini_openid, value ->> 'unionid' AS unionid FROM json_each($1)) AS r;

-- name: index-import-staging
CREATE INDEX mini_users_import_openid ON mini_users_import (mini_openid, line);

-- name: drop-import-staging
DROP TABLE mini_users_import;

-- name: record-outcomes
-- Write what became of attempts. An end state stays, but for one thing: that
-- WeChat accepted the message is the truth, whoever says so and however late.
-- An outcome without attempted_at is one without a call.
-- An upsert of rows that exist, because for UPDATE … FROM the planner would go
-- through the whole broadcast for each outcome.
-- $1 broadcast; $2 JSON array of {openid, state, errcode, errmsg, msgid, attempted_at, open_since, next_attempt_at}; what is absent is 0 or NULL.
INSERT INTO deliveries (broadcast_id, openid, state, attempts, errcode, errmsg, msgid, attempted_at, open_since, next_attempt_at)
SELECT d.broadcast_id, d.openid, value ->> 'state', d.attempts + (value ->> 'attempted_at' IS NOT NULL), COALESCE(value ->> 'errcode', 0), COALESCE(value ->> 'errmsg', ''), value ->> 'msgid',
    COALESCE(value ->> 'attempted_at', d.attempted_at), value ->> 'open_since', value ->> 'next_attempt_at'
FROM json_each($2) CROSS JOIN deliveries d ON d.broadcast_id = $1 AND d.openid = value ->> 'openid'
WHERE d.state = 'pending' OR (value ->> 'state' = 'sent' AND d.state <> 'sent')
ON CONFLICT (broadcast_id, openid) DO UPDATE SET state = excluded.state, attempts = excluded.attempts, errcode = excluded.errcode,
    errmsg = excluded.errmsg, msgid = excluded.msgid, attempted_at = excluded.attempted_at, open_since = excluded.open_since,
    next_attempt_at = excluded.next_attempt_at;

-- name: record-sent
-- Postgres only: there is no array here.
SELECT 1;

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

-- name: find-list-row
-- One of these rows whose id the list has already.
-- $1 list; $2 JSON array of {id, line, vars}.
SELECT l.id, l.line FROM json_each($2) CROSS JOIN list_rows l ON l.list_id = $1 AND l.id = value ->> 'id' LIMIT 1;

-- name: add-list-rows
-- $1 list; $2 JSON array of {id, line, vars}.
INSERT INTO list_rows (list_id, id, line, vars) SELECT $1, value ->> 'id', value ->> 'line', value ->> 'vars' FROM json_each($2);

-- name: add-optouts
-- $1 account; $2 now, UTC; $3 source; $4 openids or unionids as a JSON array.
INSERT INTO optouts (account_id, openid, since, source)
SELECT DISTINCT $1, f.openid, $2, $3 FROM json_each($4)
JOIN followers f ON f.account_id = $1 AND (f.openid = value OR f.unionid = value)
WHERE TRUE ON CONFLICT (account_id, openid) DO NOTHING;

-- name: unknown-ids
-- Which of these ids are no follower's.
-- $1 account; $2 openids or unionids as a JSON array.
SELECT value FROM json_each($2)
WHERE NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.openid = value)
  AND NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.unionid = value);

-- name: remove-optouts
-- $1 account; $2 openids or unionids as a JSON array.
DELETE FROM optouts WHERE account_id = $1 AND openid IN (
    SELECT f.openid FROM json_each($2) JOIN followers f ON f.account_id = $1 AND (f.openid = value OR f.unionid = value));

-- name: settle-early
-- The receipts that came before these messages were recorded as sent.
-- $1 broadcast; $2 JSON array of {openid, msgid}.
UPDATE deliveries SET receipt = e.receipt
FROM json_each($2) o CROSS JOIN early_receipts e
WHERE broadcast_id = $1 AND deliveries.openid = o.value ->> 'openid' AND deliveries.msgid = o.value ->> 'msgid'
  AND e.account_id = (SELECT account_id FROM broadcasts WHERE id = $1) AND e.msgid = o.value ->> 'msgid' AND e.openid = o.value ->> 'openid';

-- name: lock-quota
-- A write transaction is alone already.
-- $1 app; $2 api.
SELECT used FROM quota_days WHERE app_id = $1 AND api = $2 ORDER BY day;

-- name: lock-fixing
-- A write transaction is alone already.
-- $1 broadcast.
SELECT $1 IS NULL;

-- name: fresh-deliveries
-- The next deliveries behind what was leased before, in openid order. Those of the
-- canary among them are not fresh: they have an end, or are due.
-- $1 broadcast; $2 after this openid; $3 at most; $4 account; $5 mini program; $6 whether the profile is wanted.
SELECT d.openid, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed, o.openid IS NOT NULL AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, f.subscribe_time, CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT openid, attempts, open_since, vars, state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE broadcast_id = $1 AND openid > $2 ORDER BY openid LIMIT $3) d
LEFT JOIN followers f ON f.account_id = $4 AND f.openid = d.openid
LEFT JOIN bridges b ON b.account_id = $4 AND b.mini_id = $5 AND b.openid = d.openid
LEFT JOIN optouts o ON o.account_id = $4 AND o.openid = d.openid
ORDER BY d.openid;

-- name: read-in-order
-- Postgres only, as the two below: here a look-up by key costs little more than the next row.
SELECT 1;

-- name: look-up-by-key
SELECT 1;

-- name: fresh-deliveries-in-order
SELECT 1;

-- name: due-deliveries
-- Deliveries whose retry is due.
-- $1 broadcast; $2 now, UTC; $3 at most; $4 account; $5 mini program; $6 whether the profile is wanted.
SELECT d.openid, d.attempts, d.open_since, d.vars, TRUE AS fresh, COALESCE(f.subscribed, FALSE) AS subscribed, o.openid IS NOT NULL AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, f.subscribe_time, CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT openid, attempts, open_since, vars FROM deliveries
      WHERE broadcast_id = $1 AND next_attempt_at IS NOT NULL AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT $3) d
LEFT JOIN followers f ON f.account_id = $4 AND f.openid = d.openid
LEFT JOIN bridges b ON b.account_id = $4 AND b.mini_id = $5 AND b.openid = d.openid
LEFT JOIN optouts o ON o.account_id = $4 AND o.openid = d.openid;

-- name: add-events
-- Keep events, each once, whoever tells them again.
-- $1 account; $2 now, UTC; $3 JSON array of {openid, created_at, kind, event_key, msgid, status, content, detail}.
INSERT INTO events (account_id, openid, created_at, kind, event_key, msgid, status, content, detail, received_at)
SELECT $1, value ->> 'openid', value ->> 'created_at', value ->> 'kind', value ->> 'event_key', value ->> 'msgid', value ->> 'status', value ->> 'content', value ->> 'detail', $2
FROM json_each($3) WHERE TRUE
ON CONFLICT DO NOTHING;

-- name: mark-events-applied
-- $1 now, UTC; $2 ids as a JSON array.
UPDATE events SET applied_at = $1 WHERE id IN (SELECT value FROM json_each($2));

-- name: settle-receipts
-- Give deliveries the receipts that name them.
-- $1 account; $2 broadcasts that ended since, UTC; $3 JSON array of {n, openid, msgid, receipt}.
UPDATE deliveries SET receipt = o.value ->> 'receipt'
FROM json_each($3) o CROSS JOIN broadcasts b
WHERE b.account_id = $1 AND (b.finished_at IS NULL OR b.finished_at >= $2)
  AND deliveries.broadcast_id = b.id AND deliveries.openid = o.value ->> 'openid' AND deliveries.msgid = o.value ->> 'msgid' AND deliveries.receipt IS NOT o.value ->> 'receipt';

-- name: unsettled-receipts
-- Those that name no delivery yet.
-- $1 account; $2 broadcasts that ended since, UTC; $3 JSON array of {n, openid, msgid, receipt}.
SELECT o.value ->> 'n' FROM json_each($3) o
WHERE NOT EXISTS (SELECT 1 FROM broadcasts b CROSS JOIN deliveries d ON d.broadcast_id = b.id AND d.openid = o.value ->> 'openid' AND d.msgid = o.value ->> 'msgid'
                  WHERE b.account_id = $1 AND (b.finished_at IS NULL OR b.finished_at >= $2));

-- name: doubtful-receipts
-- Those to people with a delivery in doubt.
-- $1 account; $2 broadcasts that ended since, UTC; $3 JSON array of {n, openid, msgid, receipt}.
SELECT o.value ->> 'n' FROM json_each($3) o
WHERE EXISTS (SELECT 1 FROM broadcasts b CROSS JOIN deliveries d ON d.broadcast_id = b.id AND d.openid = o.value ->> 'openid' AND d.state = 'unknown'
              WHERE b.account_id = $1 AND (b.finished_at IS NULL OR b.finished_at >= $2));

-- name: add-early
-- Keep receipts for messages that are not recorded yet.
-- $1 account; $2 JSON array of {openid, msgid, receipt, at}; $3 app.
INSERT INTO early_receipts (account_id, app_id, msgid, openid, receipt, at)
SELECT $1, $3, value ->> 'msgid', value ->> 'openid', value ->> 'receipt', value ->> 'at' FROM json_each($2) WHERE TRUE
ON CONFLICT DO NOTHING;

-- name: growth-by-day
-- Followers gained and lost, by Beijing day, counted from the one of 1970-01-01.
-- $1 account; $2 from; $3 to, UTC.
SELECT day, SUM(gained) AS gained, SUM(lost) AS lost FROM (
    SELECT (strftime('%s', substr(subscribe_time, 1, 19)) + 28800) / 86400 AS day, 1 AS gained, 0 AS lost FROM followers WHERE account_id = $1 AND subscribe_time >= $2 AND subscribe_time < $3
    UNION ALL
    SELECT (strftime('%s', substr(unfollowed_at, 1, 19)) + 28800) / 86400, 0, 1 FROM followers WHERE account_id = $1 AND unfollowed_at >= $2 AND unfollowed_at < $3) moves
GROUP BY day;

-- name: early-of
-- The receipts that came early for some people.
-- $1 broadcast; $2 openids as a JSON array.
SELECT account_id, openid, msgid, receipt, at FROM early_receipts
WHERE account_id = (SELECT account_id FROM broadcasts WHERE id = $1) AND openid IN (SELECT value FROM json_each($2));

-- name: drop-used-early
-- $1 account; $2 JSON array of {openid, msgid}.
DELETE FROM early_receipts WHERE account_id = $1 AND (msgid, openid) IN (SELECT value ->> 'msgid', value ->> 'openid' FROM json_each($2));
