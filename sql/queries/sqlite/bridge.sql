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
CREATE INDEX pairs_openid ON pairs (openid, mini_openid, unionid);

-- name: drop-pairs
DROP TABLE IF EXISTS pairs;

-- name: drop-shared
DROP TABLE IF EXISTS shared;

-- name: lock-join
-- A write transaction is alone already.
-- $1 account; $2 mini program.
SELECT account_id FROM joins WHERE account_id = $1 AND mini_id = $2;

-- name: pairs-page
-- Pairs without their bridge, in order.
-- $1 account; $2 mini program; $3 after this openid; $4 at most.
SELECT p.openid, p.mini_openid, p.unionid, b.openid IS NOT NULL AS known FROM pairs p
LEFT JOIN bridges b ON b.account_id = $1 AND b.mini_id = $2 AND b.openid = p.openid
WHERE p.openid > $3 AND (b.openid IS NULL OR b.mini_openid <> p.mini_openid OR b.unionid <> p.unionid)
ORDER BY p.openid LIMIT $4;

-- name: loose-bridges-page
-- Bridges of followers who are in no pair, in order.
-- $1 account; $2 mini program; $3 after this openid; $4 at most.
SELECT b.openid, b.mini_openid, b.unionid, TRUE AS known FROM bridges b
WHERE b.account_id = $1 AND b.mini_id = $2 AND b.openid > $3
  AND NOT EXISTS (SELECT 1 FROM pairs p WHERE p.openid = b.openid) ORDER BY b.openid LIMIT $4;

-- name: put-bridges
-- $1 account; $2 mini program; $3 JSON array of {openid, mini_openid, unionid}; $4 now, UTC.
INSERT INTO bridges (account_id, mini_id, openid, mini_openid, unionid, bridged_at)
SELECT $1, $2, value ->> 'openid', value ->> 'mini_openid', value ->> 'unionid', $4 FROM json_each($3) WHERE TRUE
ON CONFLICT (account_id, mini_id, openid) DO UPDATE SET mini_openid = excluded.mini_openid, unionid = excluded.unionid,
    bridged_at = excluded.bridged_at;

-- name: put-bridges-again
-- Those whose two ends are still there.
-- $1 account; $2 mini program; $3 JSON array of {openid, mini_openid, unionid}; $4 now, UTC.
WITH p AS MATERIALIZED (SELECT value ->> 'openid' AS openid, value ->> 'mini_openid' AS mini_openid,
    value ->> 'unionid' AS unionid FROM json_each($3))
INSERT INTO bridges (account_id, mini_id, openid, mini_openid, unionid, bridged_at)
SELECT $1, $2, p.openid, p.mini_openid, p.unionid, $4 FROM p
CROSS JOIN followers f ON f.account_id = $1 AND f.openid = p.openid AND f.unionid = p.unionid
CROSS JOIN mini_users m ON m.mini_id = $2 AND m.mini_openid = p.mini_openid AND m.unionid = p.unionid
WHERE f.subscribed
ON CONFLICT (account_id, mini_id, openid) DO UPDATE SET mini_openid = excluded.mini_openid, unionid = excluded.unionid,
    bridged_at = excluded.bridged_at;

-- name: drop-bridges
-- $1 account; $2 mini program; $3 JSON array of {openid, mini_openid}.
DELETE FROM bridges WHERE account_id = $1 AND mini_id = $2 AND (openid, mini_openid) IN (
    SELECT value ->> 'openid', value ->> 'mini_openid' FROM json_each($3));
