-- name: old-job-runs
-- Here, each "old-" query reads the keys of so many rows, in order, and its "drop-" query
-- removes them by key: only the latter writes, and briefly.
-- $1 account; $2 before, UTC; $3 after this id; $4 at most.
SELECT CAST(id AS TEXT) AS id FROM job_runs WHERE account_id = $1 AND id > CAST($3 AS BIGINT) AND started_at < $2
    ORDER BY job_runs.id LIMIT $4;

-- name: drop-job-runs
-- $1 account; $2 ids as a JSON array; %s the ids.
DELETE FROM job_runs WHERE account_id = $1 AND id IN (SELECT CAST(k.value AS BIGINT) FROM (%s) k);

-- name: old-sync-runs
-- Not the last listing, with which the next is compared.
-- $1 account; $2 before, UTC; $3 after this id; $4 at most.
SELECT CAST(id AS TEXT) AS id FROM sync_runs WHERE account_id = $1 AND id > CAST($3 AS BIGINT) AND finished_at < $2
    AND NOT is_base AND NOT EXISTS (SELECT 1 FROM sync_pages p WHERE p.account_id = $1 AND p.run_id = sync_runs.id)
    ORDER BY sync_runs.id LIMIT $4;

-- name: drop-sync-runs
-- $1 account; $2 ids as a JSON array; %s the ids.
DELETE FROM sync_runs WHERE account_id = $1 AND id IN (SELECT CAST(k.value AS BIGINT) FROM (%s) k);

-- name: old-notices
-- Those that were told: alerts that are over, and reports.
-- $1 account; $2 raised before, UTC; $3 after this id; $4 at most.
SELECT CAST(id AS TEXT) AS id FROM notices WHERE account_id = $1 AND id > CAST($3 AS BIGINT) AND raised_at < $2
    AND told_at IS NOT NULL AND (kind = 'report' OR over_at IS NOT NULL) ORDER BY notices.id LIMIT $4;

-- name: drop-notices
-- $1 account; $2 ids as a JSON array; %s the ids.
DELETE FROM notices WHERE account_id = $1 AND id IN (SELECT CAST(k.value AS BIGINT) FROM (%s) k)
    AND (kind = 'report' OR over_at IS NOT NULL);

-- name: old-audit-to
-- The last of those that are old without a gap; 0 for none. Times are in order but where a clock was set back.
-- $1 account; $2 before, UTC.
SELECT COALESCE(MIN(seq), (SELECT COALESCE(MAX(a.seq), 0) + 1 FROM audit_log a WHERE a.account_id = $1)) - 1
FROM audit_log WHERE account_id = $1 AND at >= $2;

-- name: drop-audit
-- $1 account; $2 up to this seq; $3 at most.
DELETE FROM audit_log WHERE account_id = $1 AND seq <= $2 AND seq IN (SELECT a.seq FROM audit_log a
    WHERE a.account_id = $1 AND a.seq <= $2 ORDER BY a.seq LIMIT $3);

-- name: old-callbacks
-- $1 account; $2 received before, UTC; $3 after this id; $4 at most.
SELECT CAST(id AS TEXT) AS id FROM callbacks WHERE account_id = $1 AND id > CAST($3 AS BIGINT) AND received_at < $2
    AND applied_at IS NOT NULL AND kind NOT LIKE 'subscribe_msg_%' ORDER BY callbacks.id LIMIT $4;

-- name: old-subscribe-callbacks
-- They are what people allowed: the evidence of the ledger, and kept for longer.
-- $1 account; $2 received before, UTC; $3 after this id; $4 at most.
SELECT CAST(id AS TEXT) AS id FROM callbacks WHERE account_id = $1 AND id > CAST($3 AS BIGINT) AND received_at < $2
    AND applied_at IS NOT NULL AND kind LIKE 'subscribe_msg_%' ORDER BY callbacks.id LIMIT $4;

-- name: drop-callbacks
-- $1 account; $2 ids as a JSON array; %s the ids.
DELETE FROM callbacks WHERE account_id = $1 AND id IN (SELECT CAST(k.value AS BIGINT) FROM (%s) k);

-- name: old-early
-- $1 account; $2 before, UTC; $3 after this openid; $4 at most.
SELECT DISTINCT openid FROM early_receipts WHERE account_id = $1 AND openid > $3 AND at < $2 ORDER BY openid LIMIT $4;

-- name: drop-early
-- $1 account; $2 openids as a JSON array; $3 before, UTC; %s the openids.
DELETE FROM early_receipts WHERE account_id = $1 AND openid IN (%s) AND at < $3;

-- name: old-blocks
-- $1 account; $2 before, UTC; $3 after this recipient; $4 at most.
SELECT DISTINCT recipient FROM blocks WHERE account_id = $1 AND recipient > $3 AND since < $2
    ORDER BY recipient LIMIT $4;

-- name: drop-blocks
-- $1 account; $2 recipients as a JSON array; $3 before, UTC; %s the recipients.
DELETE FROM blocks WHERE account_id = $1 AND recipient IN (%s) AND since < $3;

-- name: drop-old-commits
-- $1 account; $2 before, UTC; $3 at most.
DELETE FROM commits WHERE account_id = $1 AND id IN (
    SELECT c.id FROM commits c WHERE c.account_id = $1 AND c.at < $2 ORDER BY c.at LIMIT $3);

-- name: gone-followers
-- $1 account; $2 unfollowed before, UTC; $3 after this openid; $4 at most.
SELECT openid FROM followers WHERE account_id = $1 AND openid > $3 AND NOT subscribed AND unfollowed_at < $2
    ORDER BY openid LIMIT $4;

-- name: drop-gone-followers
-- $1 account; $2 openids as a JSON array; $3 unfollowed before, UTC; %s the openids.
DELETE FROM followers WHERE account_id = $1 AND openid IN (%s) AND NOT subscribed AND unfollowed_at < $3;

-- name: drop-loose-bridges
-- Those to people who are no followers' rows any more.
-- $1 account; $2 openids as a JSON array; %s the openids.
DELETE FROM bridges WHERE account_id = $1 AND openid IN (%s) AND NOT EXISTS (SELECT 1 FROM followers f
    WHERE f.account_id = $1 AND f.openid = bridges.openid);

-- name: drop-gone-testers
-- Those who are no followers' rows any more.
-- $1 account; $2 openids as a JSON array; %s the openids.
DELETE FROM testers WHERE account_id = $1 AND openid IN (%s) AND NOT EXISTS (SELECT 1 FROM followers f
    WHERE f.account_id = $1 AND f.openid = testers.openid);

-- name: any-old-list
-- $1 account; $2 loaded or asked for before, UTC.
SELECT EXISTS (SELECT 1 FROM lists WHERE account_id = $1 AND loaded_at < $2);

-- name: end-old-lists
-- Lists that no broadcast without all its recipients needs: nobody finds them any more while their rows go.
-- $1 account; $2 loaded or asked for before, UTC.
UPDATE lists SET complete = FALSE WHERE account_id = $1 AND loaded_at < $2
    AND NOT EXISTS (SELECT 1 FROM broadcasts b WHERE b.account_id = $1 AND NOT b.fixed AND b.finished_at IS NULL)
    RETURNING id;

-- name: drop-list-rows
-- $1 account; $2 list; $3 at most.
DELETE FROM list_rows WHERE account_id = $1 AND list_id = $2 AND id IN (SELECT r.id FROM list_rows r
    WHERE r.account_id = $1 AND r.list_id = $2 ORDER BY r.id LIMIT $3);

-- name: drop-list
-- $1 account; $2 list.
DELETE FROM lists WHERE account_id = $1 AND id = $2;

-- name: old-broadcasts
-- Those whose deliveries are there still.
-- $1 account; $2 finished before, UTC.
SELECT b.id FROM broadcasts b WHERE b.account_id = $1 AND b.finished_at < $2
    AND EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = b.account_id AND d.broadcast_id = b.id)
    ORDER BY b.id;

-- name: mark-emptied
-- From now on its counts are all that is known of it, and must be there; its last recipients
-- are named no more.
-- $1 account; $2 broadcast; $3 now, UTC.
UPDATE broadcasts SET emptied_at = COALESCE(emptied_at, $3), leased_to = '', fixed_to = ''
    WHERE account_id = $1 AND id = $2 AND finished_at IS NOT NULL AND tally IS NOT NULL;

-- name: drop-deliveries
-- $1 account; $2 broadcast; $3 at most.
DELETE FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND recipient IN (SELECT d.recipient
    FROM deliveries d WHERE d.account_id = $1 AND d.broadcast_id = $2 ORDER BY d.recipient LIMIT $3);
