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
