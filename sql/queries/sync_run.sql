-- name: open-sync-run
-- The account's unfinished run, if any.
-- $1 account; $2 mode; $3 started no earlier than, UTC.
SELECT id, account_id, mode, started_at, pages, next_openid, listed, listed_all, total, created, updated, unfollowed, list_calls, detail_calls, single_calls
FROM sync_runs WHERE account_id = $1 AND mode = $2 AND finished_at IS NULL AND started_at >= $3
ORDER BY id DESC LIMIT 1;

-- name: get-sync-run
-- $1 run.
SELECT id, account_id, mode, started_at, pages, next_openid, listed, listed_all, total, created, updated, unfollowed, list_calls, detail_calls, single_calls
FROM sync_runs WHERE id = $1;

-- name: add-sync-run
-- $1 account; $2 mode; $3 now, UTC.
INSERT INTO sync_runs (account_id, mode, started_at) VALUES ($1, $2, $3) RETURNING id;

-- name: abandon-sync-runs
-- Close the account's unfinished runs: their listing is too old, or another mode was asked for.
-- $1 account; $2 now, UTC.
UPDATE sync_runs SET finished_at = $2, outcome = 'abandoned' WHERE account_id = $1 AND finished_at IS NULL;

-- name: drop-stale-listings
-- Forget the listings of the account's ended runs.
-- $1 account.
DELETE FROM sync_listing WHERE run_id IN (SELECT id FROM sync_runs WHERE account_id = $1 AND finished_at IS NOT NULL);

-- name: advance-sync-run
-- Move the checkpoint behind a stored page.
-- $1 run; $2 page; $3 next_openid; $4 openids in the page; $5 WeChat's total.
UPDATE sync_runs SET pages = $2, next_openid = $3, listed = listed + $4, total = $5, list_calls = list_calls + 1 WHERE id = $1;

-- name: end-listing
-- The listing is complete.
-- $1 run; $2 calls that brought no page.
UPDATE sync_runs SET listed_all = TRUE, list_calls = list_calls + $2 WHERE id = $1;

-- name: count-sync-run
-- Add to a run's counters.
-- $1 run; $2 created; $3 updated; $4 unfollowed; $5 batch calls; $6 single calls.
UPDATE sync_runs SET created = created + $2, updated = updated + $3, unfollowed = unfollowed + $4, detail_calls = detail_calls + $5, single_calls = single_calls + $6 WHERE id = $1;

-- name: finish-sync-run
-- $1 run; $2 now, UTC; $3 outcome.
UPDATE sync_runs SET finished_at = $2, outcome = $3 WHERE id = $1;

-- name: count-missing
-- How many stored followers the complete listing lacks, and how many are stored in all.
-- $1 account; $2 run.
SELECT COUNT(*) AS stored,
       COUNT(CASE WHEN openid NOT IN (SELECT openid FROM sync_listing WHERE run_id = $2) THEN 1 END) AS missing
FROM followers WHERE account_id = $1 AND subscribed;

-- name: list-missing
-- Stored followers that the complete listing lacks, in openid order.
-- $1 account; $2 run; $3 after this openid; $4 at most.
SELECT openid FROM followers
WHERE account_id = $1 AND subscribed AND openid > $3
  AND openid NOT IN (SELECT openid FROM sync_listing WHERE run_id = $2)
ORDER BY openid LIMIT $4;
