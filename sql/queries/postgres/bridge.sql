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
-- Room for hash tables, for this transaction: the default of 4 MB makes it read a million rows in the order of an
-- index.
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

-- name: pairs-page
-- SQLite only, as the four below: here a join is one transaction.
SELECT 1;

-- name: loose-bridges-page
SELECT 1;

-- name: put-bridges
SELECT 1;

-- name: put-bridges-again
SELECT 1;

-- name: drop-bridges
SELECT 1;
