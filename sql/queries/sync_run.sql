-- name: open-sync-run
-- The account's unfinished run, if any.
-- $1 account; $2 mode; $3 started no earlier than, UTC.
SELECT id, account_id, mode, started_at, pages, next_openid, listed, listed_all, total, fetched_pages, asked, created,
    updated,
    unfollowed, list_calls, detail_calls, single_calls
FROM sync_runs WHERE account_id = $1 AND mode = $2 AND finished_at IS NULL AND started_at >= $3
ORDER BY id DESC LIMIT 1;

-- name: get-sync-run
-- $1 run.
SELECT id, account_id, mode, started_at, pages, next_openid, listed, listed_all, total, fetched_pages, asked, created,
    updated,
    unfollowed, list_calls, detail_calls, single_calls
FROM sync_runs WHERE id = $1;

-- name: get-base-run
-- The run whose listing the account's followers agree with.
-- $1 account.
SELECT id, account_id, mode, started_at, pages, next_openid, listed, listed_all, total, fetched_pages, asked, created,
    updated,
    unfollowed, list_calls, detail_calls, single_calls
FROM sync_runs WHERE account_id = $1 AND is_base;

-- name: list-sync-runs
-- The account's latest runs, the latest first.
-- $1 account; $2 at most.
SELECT id, account_id, mode, started_at, pages, next_openid, listed, listed_all, total, fetched_pages, asked, created,
    updated,
    unfollowed, list_calls, detail_calls, single_calls, finished_at, outcome
FROM sync_runs WHERE account_id = $1 ORDER BY id DESC LIMIT $2;

-- name: add-sync-run
-- $1 account; $2 mode; $3 now, UTC.
INSERT INTO sync_runs (account_id, mode, started_at) VALUES ($1, $2, $3) RETURNING id;

-- name: abandon-sync-runs
-- Close the account's unfinished runs: their listing is too old, or another mode was asked for.
-- $1 account; $2 now, UTC.
UPDATE sync_runs SET finished_at = $2, outcome = 'abandoned' WHERE account_id = $1 AND finished_at IS NULL;

-- name: drop-stale-pages
-- Forget the listings of the account's ended runs, but the base's.
-- $1 account.
DELETE FROM sync_pages WHERE account_id = $1
  AND run_id IN (SELECT id FROM sync_runs WHERE account_id = $1 AND finished_at IS NOT NULL AND NOT is_base);

-- name: add-sync-page
-- $1 account; $2 run; $3 page; $4 openids, parted by spaces.
INSERT INTO sync_pages (account_id, run_id, page, openids) VALUES ($1, $2, $3, $4);

-- name: get-sync-page
-- $1 account; $2 run; $3 page.
SELECT openids FROM sync_pages WHERE account_id = $1 AND run_id = $2 AND page = $3;

-- name: advance-sync-run
-- Move the checkpoint behind a stored page.
-- $1 run; $2 page; $3 next_openid; $4 openids in the page; $5 WeChat's total.
UPDATE sync_runs SET pages = $2, next_openid = $3, listed = listed + $4, total = $5, list_calls = list_calls + 1
    WHERE id = $1;

-- name: end-listing
-- The listing is complete.
-- $1 run; $2 calls that brought no page.
UPDATE sync_runs SET listed_all = TRUE, list_calls = list_calls + $2 WHERE id = $1;

-- name: count-sync-run
-- Add to a run's counters.
-- $1 run; $2 asked; $3 created; $4 updated; $5 unfollowed; $6 batch calls; $7 single calls; $8 pages whose details are
-- stored.
UPDATE sync_runs SET asked = asked + $2, created = created + $3, updated = updated + $4, unfollowed = unfollowed + $5,
    detail_calls = detail_calls + $6, single_calls = single_calls + $7, fetched_pages = CASE
        WHEN fetched_pages < $8 THEN $8 ELSE fetched_pages END
WHERE id = $1;

-- name: finish-sync-run
-- $1 run; $2 now, UTC; $3 outcome.
UPDATE sync_runs SET finished_at = $2, outcome = $3 WHERE id = $1;

-- name: set-base-run
-- Make a run the account's base, or none of them for run 0.
-- $1 account; $2 run.
UPDATE sync_runs SET is_base = (id = $2) WHERE account_id = $1 AND is_base <> (id = $2);
