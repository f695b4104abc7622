-- A bridge stands where one current follower and one mini user share a unionid.
-- A unionid on two followers of the account, or on two mini users of the mini
-- program, is a conflict, and no one is bridged by it.

-- name: count-changed-bridges
-- Bridges whose follower belongs to another mini user now.
-- $1 account; $2 mini program.
SELECT COUNT(*) FROM pairs p JOIN bridges b ON b.account_id = $1 AND b.mini_id = $2 AND b.openid = p.openid
WHERE (b.mini_openid <> p.mini_openid OR b.unionid <> p.unionid);

-- name: remove-bridges
-- Take down bridges whose two ends no longer match, or have become ambiguous.
-- $1 account; $2 mini program.
DELETE FROM bridges WHERE account_id = $1 AND mini_id = $2
  AND NOT EXISTS (SELECT 1 FROM pairs p WHERE p.unionid = bridges.unionid AND p.openid = bridges.openid
      AND p.mini_openid = bridges.mini_openid);

-- name: add-bridges
-- Bridge the pairs that have none yet.
-- $1 account; $2 mini program; $3 now, UTC.
INSERT INTO bridges (account_id, mini_id, openid, mini_openid, unionid, bridged_at)
SELECT $1, $2, p.openid, p.mini_openid, p.unionid, $3
FROM pairs p LEFT JOIN bridges b ON b.account_id = $1 AND b.mini_id = $2 AND b.openid = p.openid
WHERE b.openid IS NULL
ORDER BY p.openid;

-- name: any-bridge
SELECT EXISTS (SELECT 1 FROM bridges);

-- name: count-bridges
-- $1 account; $2 mini program.
SELECT COUNT(*) FROM bridges WHERE account_id = $1 AND mini_id = $2;

-- name: count-pairs
SELECT COUNT(*) FROM pairs;

-- name: count-shared
-- Followers whose unionid joins them to several mini users or with several
-- followers; and how many unionids stand on several of either.
SELECT COALESCE(SUM(followers), 0) AS mini_user_known,
       COUNT(CASE WHEN followers > 1 THEN 1 END) AS follower_conflicts,
       COUNT(CASE WHEN minis > 1 THEN 1 END) AS mini_conflicts
FROM (SELECT COUNT(DISTINCT p.openid) AS followers, COUNT(DISTINCT p.mini_openid) AS minis
      FROM shared s JOIN pairs p ON p.unionid = s.unionid GROUP BY p.unionid) AS conflicts;

-- name: remove-shared
-- Nobody is bridged by a unionid that several share.
DELETE FROM pairs WHERE unionid IN (SELECT unionid FROM shared);

-- name: people-versions
-- How often the people of the account and of the mini program have changed.
-- $1 account; $2 mini program.
SELECT COALESCE((SELECT version FROM people_versions WHERE app_id = $1), 0) AS account_version,
       COALESCE((SELECT version FROM people_versions WHERE app_id = $2), 0) AS mini_version;

-- name: add-join
-- $1 account; $2 mini program.
INSERT INTO joins (account_id, mini_id) VALUES ($1, $2) ON CONFLICT (account_id, mini_id) DO NOTHING;

-- name: get-join
-- $1 account; $2 mini program.
SELECT account_version, mini_version, followers, with_unionid, mini_users, mini_user_known, joined, follower_conflicts,
    mini_conflicts
FROM joins WHERE account_id = $1 AND mini_id = $2;

-- name: put-join
-- $1 account; $2 mini program; $3, $4 their versions; $5 now, UTC; $6 followers; $7 with unionid; $8 mini users; $9
-- mini user known; $10 joined; $11 follower conflicts; $12 mini conflicts.
UPDATE joins SET account_version = $3, mini_version = $4, joined_at = $5, followers = $6, with_unionid = $7,
    mini_users = $8, mini_user_known = $9, joined = $10, follower_conflicts = $11, mini_conflicts = $12
WHERE account_id = $1 AND mini_id = $2;

-- name: put-mini-user
-- $1 mini program; $2 mini_openid; $3 unionid; $4 now, UTC.
INSERT INTO mini_users (mini_id, mini_openid, unionid, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (mini_id, mini_openid) DO UPDATE SET unionid = excluded.unionid, updated_at = excluded.updated_at
    WHERE mini_users.unionid <> excluded.unionid;

-- name: bridge-one
-- Bridge the one follower with the one mini user of a unionid; where several share it,
-- the next join tells.
-- $1 account; $2 mini program; $3 mini_openid; $4 unionid; $5 now, UTC.
INSERT INTO bridges (account_id, mini_id, openid, mini_openid, unionid, bridged_at)
SELECT $1, $2, f.openid, $3, $4, $5 FROM followers f
WHERE f.account_id = $1 AND f.unionid = $4 AND f.subscribed
  AND NOT EXISTS (SELECT 1 FROM followers o WHERE o.account_id = $1 AND o.unionid = $4 AND o.subscribed
      AND o.openid <> f.openid)
  AND NOT EXISTS (SELECT 1 FROM mini_users m WHERE m.mini_id = $2 AND m.unionid = $4 AND m.mini_openid <> $3)
ON CONFLICT (account_id, mini_id, openid) DO UPDATE SET mini_openid = excluded.mini_openid, unionid = excluded.unionid,
    bridged_at = excluded.bridged_at
WHERE bridges.mini_openid <> excluded.mini_openid OR bridges.unionid <> excluded.unionid;

-- name: is-bridged
-- $1 account; $2 mini program; $3 mini_openid; $4 unionid.
SELECT EXISTS (SELECT 1 FROM followers f JOIN bridges b ON b.account_id = f.account_id AND b.mini_id = $2
    AND b.openid = f.openid AND b.mini_openid = $3
    WHERE f.account_id = $1 AND f.unionid = $4);

-- name: last-join
-- What the last join found, whoever came or left since.
-- $1 account; $2 mini program.
SELECT joined_at, followers, with_unionid, mini_users, mini_user_known, joined, follower_conflicts, mini_conflicts
FROM joins WHERE account_id = $1 AND mini_id = $2 AND joined_at IS NOT NULL;
