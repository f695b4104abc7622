-- name: follower-states
-- Which of these openids are stored, and whether they follow.
-- $1 account; $2 openids as a JSON array.
SELECT f.openid, f.subscribed FROM json_array_elements_text($2::json) AS o (openid)
CROSS JOIN LATERAL (SELECT openid, subscribed FROM followers WHERE account_id = $1 AND openid = o.openid OFFSET 0) f;

-- name: upsert-followers
-- Insert followers or refresh those stored, each openid once; a reply without a unionid keeps the one we had.
-- $1 account; $2 now, UTC; $3 JSON array of {openid, unionid, subscribe_time, scene, remark, tags}; $4 run.
INSERT INTO followers (account_id, openid, unionid, subscribed, subscribe_time, subscribe_scene, remark, tags, first_seen_at, details_at, unionid_asks, sync_run_id)
SELECT $1, openid, unionid, TRUE, subscribe_time, scene, remark, tags, $2, $2, CASE WHEN unionid IS NULL THEN 1 ELSE 0 END, $4
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
    sync_run_id = excluded.sync_run_id,
    subscribed = TRUE
-- A row that says the same already is not rewritten.
WHERE NOT followers.subscribed OR excluded.unionid IS NULL OR followers.unionid IS DISTINCT FROM excluded.unionid
   OR followers.subscribe_time IS DISTINCT FROM excluded.subscribe_time OR followers.subscribe_scene <> excluded.subscribe_scene
   OR followers.remark <> excluded.remark OR followers.tags <> excluded.tags;

-- name: unfollow
-- Mark followers as gone. A row is changed once; its history stays. No listing
-- brought it to this state, whatever run it is from.
-- $1 account; $2 now, UTC; $3 openids as a JSON array.
UPDATE followers SET subscribed = FALSE, unfollowed_at = $2, sync_run_id = 0
WHERE account_id = $1 AND subscribed AND openid IN (SELECT value FROM json_array_elements_text($3::json));

-- name: make-pairs
-- Every current follower with every mini user of their unionid. Not INSERT … SELECT,
-- which Postgres does not do in parallel; and this statement takes no parameters
-- there, so the numbers are written into it.
-- %[1]d account; %[2]d mini program.
CREATE TEMP TABLE pairs ON COMMIT DROP AS
SELECT f.unionid, f.openid, m.mini_openid
FROM followers f JOIN mini_users m ON m.mini_id = %[2]d AND m.unionid = f.unionid
WHERE f.account_id = %[1]d AND f.subscribed;

-- name: make-shared
-- The unionids among them that several people share.
CREATE TEMP TABLE shared ON COMMIT DROP AS SELECT unionid FROM pairs GROUP BY unionid HAVING COUNT(*) > 1;

-- name: tune-join
-- Room for hash tables, for this transaction: the default of 4 MB makes it read a million rows in the order of an index.
SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL jit = off;

-- name: drop-bridges-key
-- For the empty table: an index that is built at once costs a third of one that
-- grows row by row.
ALTER TABLE bridges DROP CONSTRAINT bridges_pkey;

-- name: make-bridges-key
ALTER TABLE bridges ADD PRIMARY KEY (account_id, mini_id, openid);

-- name: add-first-bridges
-- Bridge every current follower with every mini user of their unionid; whom several
-- share is taken out again.
-- $1 account; $2 mini program; $3 now, UTC.
INSERT INTO bridges (account_id, mini_id, openid, mini_openid, unionid, bridged_at)
SELECT $1, $2, f.openid, m.mini_openid, f.unionid, $3
FROM followers f JOIN mini_users m ON m.mini_id = $2 AND m.unionid = f.unionid
WHERE f.account_id = $1 AND f.subscribed;

-- name: view-pairs
-- %[1]d account; %[2]d mini program.
CREATE TEMP VIEW pairs AS SELECT unionid, openid, mini_openid FROM bridges WHERE account_id = %[1]d AND mini_id = %[2]d;

-- name: drop-pairs-view
DROP VIEW pairs;

-- name: index-pairs
ANALYZE pairs;

-- name: drop-pairs
-- The table goes with its transaction.
SELECT 1;

-- name: drop-shared
SELECT 1;

-- name: lock-join
-- Serialise the joins of one account and mini program until the transaction ends.
-- $1 account; $2 mini program.
SELECT account_id FROM joins WHERE account_id = $1 AND mini_id = $2 FOR UPDATE;

-- name: make-import-staging
CREATE TEMP TABLE mini_users_import (line BIGINT NOT NULL, mini_openid TEXT COLLATE "C" NOT NULL, unionid TEXT COLLATE "C" NOT NULL) ON COMMIT DROP;

-- name: stage-mini-users
-- $1 JSON array of {line, mini_openid, unionid}.
INSERT INTO mini_users_import (line, mini_openid, unionid)
SELECT line, mini_openid, unionid FROM json_to_recordset($1::json) AS r (line bigint, mini_openid text, unionid text);

-- name: index-import-staging
ANALYZE mini_users_import;

-- name: drop-import-staging
-- The staging table goes with its transaction.
SELECT 1;

-- name: record-outcomes
-- Write what became of attempts. An end state stays, but for one thing: that
-- WeChat accepted the message is the truth, whoever says so and however late.
-- An outcome without attempted_at is one without a call.
-- The broadcast is a column of the outcomes, behind OFFSET 0: of a new broadcast the
-- planner believes that it has few rows, and would read all of them for each outcome.
-- $1 broadcast; $2 JSON array of {openid, state, errcode, errmsg, msgid, attempted_at, open_since, next_attempt_at}; what is absent is 0 or NULL.
UPDATE deliveries d SET state = o.state, attempts = d.attempts + CASE WHEN o.attempted_at IS NULL THEN 0 ELSE 1 END, errcode = COALESCE(o.errcode, 0),
    errmsg = COALESCE(o.errmsg, ''), msgid = o.msgid, attempted_at = COALESCE(o.attempted_at, d.attempted_at), open_since = o.open_since, next_attempt_at = o.next_attempt_at
FROM (SELECT $1::bigint AS broadcast_id, r.* FROM json_to_recordset($2::json)
      AS r (openid text, state text, errcode int, errmsg text, msgid bigint, attempted_at timestamptz, open_since timestamptz, next_attempt_at timestamptz) OFFSET 0) o
WHERE d.broadcast_id = o.broadcast_id AND d.openid = o.openid AND (d.state = 'pending' OR (o.state = 'sent' AND d.state <> 'sent'));

-- name: record-sent
-- The same for messages that WeChat accepted at once, as nearly all are: arrays of what
-- differs among them, which are parsed in a third of the JSON's time. In SELECTs, so that the
-- planner does not see how many they are: it would read the whole broadcast for them.
-- $1 broadcast; $2 openids; $3 msgids; $4 attempted at, microseconds since 1970.
UPDATE deliveries d SET state = 'sent', attempts = d.attempts + 1, errcode = 0, errmsg = '', msgid = NULLIF(o.msgid, 0),
    attempted_at = 'epoch'::timestamptz + o.attempted * '1 microsecond'::interval, open_since = NULL, next_attempt_at = NULL
FROM (SELECT $1::bigint AS broadcast_id, r.* FROM unnest((SELECT $2::text[]), (SELECT $3::bigint[]), (SELECT $4::bigint[])) AS r (openid, msgid, attempted) OFFSET 0) o
WHERE d.broadcast_id = o.broadcast_id AND d.openid = o.openid AND d.state <> 'sent';

-- name: schedule-deliveries
-- Set when pending deliveries are due: now for those given back unattempted, the
-- claim's end for those being retried, so that they come back if the worker dies.
-- $1 broadcast; $2 next_attempt_at, UTC; $3 JSON array of {openid, open_since}.
UPDATE deliveries d SET next_attempt_at = $2, open_since = o.open_since
FROM (SELECT $1::bigint AS broadcast_id, r.* FROM json_to_recordset($3::json) AS r (openid text, open_since timestamptz) OFFSET 0) o
WHERE d.broadcast_id = o.broadcast_id AND d.openid = o.openid AND d.state = 'pending';

-- name: delete-leases
-- $1 worker; $2 lease ids as a JSON array.
DELETE FROM leases WHERE worker = $1 AND id IN (SELECT value::bigint FROM json_array_elements_text($2::json));

-- name: lock-broadcast
-- Serialise the claims of one broadcast until the transaction ends. Of a new broadcast
-- the planner believes that it has few rows, and would read and sort all of them: in
-- this transaction it goes by the keys.
-- $1 broadcast.
SELECT id FROM broadcasts WHERE id = $1 AND set_config('jit', 'off', TRUE) = 'off' AND set_config('enable_sort', 'off', TRUE) = 'off' AND set_config('enable_bitmapscan', 'off', TRUE) = 'off'
  AND set_config('enable_hashjoin', 'off', TRUE) = 'off' AND set_config('enable_mergejoin', 'off', TRUE) = 'off' FOR UPDATE;

-- name: lock-account
-- Serialise pacing and quota of one account until the transaction ends.
-- $1 account.
SELECT id FROM apps WHERE id = $1 FOR UPDATE;

-- name: find-list-row
-- One of these rows whose id the list has already.
-- $1 list; $2 JSON array of {id, line, vars}.
SELECT l.id, l.line FROM json_to_recordset($2::json) AS r (id text) CROSS JOIN LATERAL (SELECT id, line FROM list_rows WHERE list_id = $1 AND id = r.id OFFSET 0) l LIMIT 1;

-- name: add-list-rows
-- $1 list; $2 JSON array of {id, line, vars}.
INSERT INTO list_rows (list_id, id, line, vars) SELECT $1, id, line, vars FROM json_to_recordset($2::json) AS r (id text, line bigint, vars text);

-- name: add-optouts
-- $1 account; $2 now, UTC; $3 source; $4 openids or unionids as a JSON array.
INSERT INTO optouts (account_id, openid, since, source)
SELECT DISTINCT $1::bigint, f.openid, $2::timestamptz, $3 FROM json_array_elements_text($4::json) AS i (id)
JOIN followers f ON f.account_id = $1 AND (f.openid = i.id OR f.unionid = i.id)
ON CONFLICT (account_id, openid) DO NOTHING;

-- name: unknown-ids
-- Which of these ids are no follower's.
-- $1 account; $2 openids or unionids as a JSON array.
SELECT i.id FROM json_array_elements_text($2::json) AS i (id)
WHERE NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.openid = i.id)
  AND NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.unionid = i.id);

-- name: remove-optouts
-- $1 account; $2 openids or unionids as a JSON array.
DELETE FROM optouts WHERE account_id = $1 AND openid IN (
    SELECT f.openid FROM json_array_elements_text($2::json) AS i (id) JOIN followers f ON f.account_id = $1 AND (f.openid = i.id OR f.unionid = i.id));

-- name: settle-early
-- The receipts that came before these messages were recorded as sent.
-- $1 broadcast; $2 JSON array of {openid, msgid}.
UPDATE deliveries d SET receipt = e.receipt
FROM (SELECT b.id AS broadcast_id, b.account_id, r.* FROM broadcasts b, json_to_recordset($2::json) AS r (openid text, msgid bigint) WHERE b.id = $1 OFFSET 0) o
JOIN early_receipts e ON e.account_id = o.account_id AND e.msgid = o.msgid AND e.openid = o.openid
WHERE d.broadcast_id = o.broadcast_id AND d.openid = o.openid AND d.msgid = o.msgid;

-- name: lock-quota
-- Hold up the recording of outcomes until the transaction ends.
-- $1 app; $2 api.
SELECT used FROM quota_days WHERE app_id = $1 AND api = $2 ORDER BY day FOR UPDATE;

-- name: lock-fixing
-- Serialise the fixing of one broadcast's recipients until the transaction ends, beside
-- its claims, and go by the keys as they do: not through all bridges for each round.
-- $1 broadcast.
SELECT pg_advisory_xact_lock(hashtextextended('wxcast fixes broadcast ' || $1::text, 0)) IS NULL
WHERE set_config('jit', 'off', TRUE) = 'off' AND set_config('enable_sort', 'off', TRUE) = 'off' AND set_config('enable_bitmapscan', 'off', TRUE) = 'off'
  AND set_config('enable_hashjoin', 'off', TRUE) = 'off' AND set_config('enable_mergejoin', 'off', TRUE) = 'off';

-- name: fresh-deliveries
-- The next deliveries behind what was leased before, in openid order. Those of the
-- canary among them are not fresh: they have an end, or are due.
-- The account is a column of theirs, so that each person is looked up by their key,
-- whatever the planner believes of a new table.
-- $1 broadcast; $2 after this openid; $3 at most; $4 account; $5 mini program; $6 whether the profile is wanted.
SELECT d.openid, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed, o.openid IS NOT NULL AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time, CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT $4::bigint AS account_id, $5::bigint AS mini_id, openid, attempts, open_since, vars, state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE broadcast_id = $1 AND openid > $2 ORDER BY openid LIMIT $3) d
LEFT JOIN followers f ON f.account_id = d.account_id AND f.openid = d.openid
LEFT JOIN bridges b ON b.account_id = d.account_id AND b.mini_id = d.mini_id AND b.openid = d.openid
LEFT JOIN optouts o ON o.account_id = d.account_id AND o.openid = d.openid
ORDER BY d.openid;

-- name: read-in-order
-- Until look-up-by-key, in this transaction: tables are read side by side in the order of their keys.
SELECT set_config('enable_mergejoin', 'on', TRUE), set_config('enable_nestloop', 'off', TRUE);

-- name: look-up-by-key
SELECT set_config('enable_mergejoin', 'off', TRUE), set_config('enable_nestloop', 'on', TRUE);

-- name: fresh-deliveries-in-order
-- The same as fresh-deliveries, with followers, bridges and opt-outs read in openid order
-- beside the deliveries, as far as those go. OFFSET 0 keeps them apart: else the planner
-- does not see that they come in that order.
-- $1 broadcast; $2 after this openid; $3 at most; $4 account; $5 mini program; $6 whether the profile is wanted.
SELECT d.openid, d.attempts, d.open_since, d.vars, d.fresh, COALESCE(f.subscribed, FALSE) AS subscribed, o.openid IS NOT NULL AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time, CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT openid, attempts, open_since, vars, state = 'pending' AND next_attempt_at IS NULL AS fresh
      FROM deliveries WHERE broadcast_id = $1 AND openid > $2 ORDER BY openid LIMIT $3) d
LEFT JOIN (SELECT openid, subscribed, unionid, subscribe_time, remark, tags FROM followers WHERE account_id = $4 AND openid > $2 ORDER BY openid OFFSET 0) f ON f.openid = d.openid
LEFT JOIN (SELECT openid, mini_openid FROM bridges WHERE account_id = $4 AND mini_id = $5 AND openid > $2 ORDER BY openid OFFSET 0) b ON b.openid = d.openid
LEFT JOIN (SELECT openid FROM optouts WHERE account_id = $4 AND openid > $2 ORDER BY openid OFFSET 0) o ON o.openid = d.openid
ORDER BY d.openid;

-- name: due-deliveries
-- Deliveries whose retry is due.
-- $1 broadcast; $2 now, UTC; $3 at most; $4 account; $5 mini program; $6 whether the profile is wanted.
SELECT d.openid, d.attempts, d.open_since, d.vars, TRUE AS fresh, COALESCE(f.subscribed, FALSE) AS subscribed, o.openid IS NOT NULL AS opted_out,
       CASE WHEN $6 THEN f.unionid END AS unionid, CASE WHEN $6 THEN f.subscribe_time END AS subscribe_time, CASE WHEN $6 THEN f.remark END AS remark, CASE WHEN $6 THEN f.tags END AS tags, b.mini_openid
FROM (SELECT $4::bigint AS account_id, $5::bigint AS mini_id, openid, attempts, open_since, vars FROM deliveries
      WHERE broadcast_id = $1 AND next_attempt_at IS NOT NULL AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT $3) d
LEFT JOIN followers f ON f.account_id = d.account_id AND f.openid = d.openid
LEFT JOIN bridges b ON b.account_id = d.account_id AND b.mini_id = d.mini_id AND b.openid = d.openid
LEFT JOIN optouts o ON o.account_id = d.account_id AND o.openid = d.openid;

-- name: add-events
-- Keep events, each once, whoever tells them again.
-- $1 account; $2 now, UTC; $3 JSON array of {openid, created_at, kind, event_key, msgid, status, content, detail}.
INSERT INTO events (account_id, openid, created_at, kind, event_key, msgid, status, content, detail, received_at)
SELECT $1, openid, created_at, kind, event_key, msgid, status, content, detail, $2
FROM json_to_recordset($3::json) AS r (openid text, created_at timestamptz, kind text, event_key text, msgid bigint, status text, content text, detail text)
ON CONFLICT DO NOTHING;

-- name: mark-events-applied
-- $1 now, UTC; $2 ids as a JSON array.
UPDATE events SET applied_at = $1 WHERE id IN (SELECT value::bigint FROM json_array_elements_text($2::json));

-- name: settle-receipts
-- Give deliveries the receipts that name them.
-- $1 account; $2 broadcasts that ended since, UTC; $3 JSON array of {n, openid, msgid, receipt}.
UPDATE deliveries d SET receipt = o.receipt
FROM (SELECT b.id AS broadcast_id, r.* FROM json_to_recordset($3::json) AS r (openid text, msgid bigint, receipt text) CROSS JOIN broadcasts b
      WHERE b.account_id = $1 AND (b.finished_at IS NULL OR b.finished_at >= $2) OFFSET 0) o
WHERE d.broadcast_id = o.broadcast_id AND d.openid = o.openid AND d.msgid = o.msgid AND d.receipt IS DISTINCT FROM o.receipt;

-- name: unsettled-receipts
-- Those that name no delivery yet.
-- $1 account; $2 broadcasts that ended since, UTC; $3 JSON array of {n, openid, msgid, receipt}.
SELECT r.n FROM json_to_recordset($3::json) AS r (n int, openid text, msgid bigint)
WHERE NOT EXISTS (SELECT 1 FROM broadcasts b CROSS JOIN LATERAL (SELECT 1 FROM deliveries d WHERE d.broadcast_id = b.id AND d.openid = r.openid AND d.msgid = r.msgid OFFSET 0) d
                  WHERE b.account_id = $1 AND (b.finished_at IS NULL OR b.finished_at >= $2));

-- name: doubtful-receipts
-- Those to people with a delivery in doubt.
-- $1 account; $2 broadcasts that ended since, UTC; $3 JSON array of {n, openid, msgid, receipt}.
SELECT r.n FROM json_to_recordset($3::json) AS r (n int, openid text)
WHERE EXISTS (SELECT 1 FROM broadcasts b CROSS JOIN LATERAL (SELECT 1 FROM deliveries d WHERE d.broadcast_id = b.id AND d.openid = r.openid AND d.state = 'unknown' OFFSET 0) d
              WHERE b.account_id = $1 AND (b.finished_at IS NULL OR b.finished_at >= $2));

-- name: add-early
-- Keep receipts for messages that are not recorded yet.
-- $1 account; $2 JSON array of {openid, msgid, receipt, at}; $3 app.
INSERT INTO early_receipts (account_id, app_id, msgid, openid, receipt, at)
SELECT $1::bigint, $3::bigint, msgid, openid, receipt, at FROM json_to_recordset($2::json) AS r (msgid bigint, openid text, receipt text, at timestamptz)
ON CONFLICT DO NOTHING;

-- name: growth-by-day
-- Followers gained and lost, by Beijing day, counted from the one of 1970-01-01.
-- $1 account; $2 from; $3 to, UTC.
SELECT day, SUM(gained) AS gained, SUM(lost) AS lost FROM (
    SELECT floor((extract(epoch FROM subscribe_time) + 28800) / 86400)::bigint AS day, 1 AS gained, 0 AS lost FROM followers WHERE account_id = $1 AND subscribe_time >= $2 AND subscribe_time < $3
    UNION ALL
    SELECT floor((extract(epoch FROM unfollowed_at) + 28800) / 86400)::bigint, 0, 1 FROM followers WHERE account_id = $1 AND unfollowed_at >= $2 AND unfollowed_at < $3) moves
GROUP BY day;

-- name: early-of
-- The receipts that came early for some people.
-- $1 broadcast; $2 openids as a JSON array.
SELECT account_id, openid, msgid, receipt, at FROM early_receipts
WHERE account_id = (SELECT account_id FROM broadcasts WHERE id = $1) AND openid IN (SELECT value FROM json_array_elements_text($2::json));

-- name: drop-used-early
-- $1 account; $2 JSON array of {openid, msgid}.
DELETE FROM early_receipts WHERE account_id = $1 AND (msgid, openid) IN (SELECT (value ->> 'msgid')::bigint, value ->> 'openid' FROM json_array_elements($2::json));
