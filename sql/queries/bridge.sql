-- A bridge stands where one current follower and one mini user share a unionid.
-- A unionid on two followers of the account, or on two mini users of the mini
-- program, is a conflict, and no one is bridged by it.

-- name: remove-bridges
-- Take down bridges whose two ends no longer match, or have become ambiguous.
-- $1 account; $2 mini program.
DELETE FROM bridges WHERE account_id = $1 AND mini_id = $2 AND openid NOT IN (
    SELECT f.openid FROM followers f JOIN mini_users m ON m.mini_id = $2 AND m.unionid = f.unionid
    WHERE f.account_id = $1 AND f.subscribed
      AND f.unionid NOT IN (SELECT unionid FROM followers WHERE account_id = $1 AND subscribed AND unionid IS NOT NULL GROUP BY unionid HAVING COUNT(*) > 1)
      AND f.unionid NOT IN (SELECT unionid FROM mini_users WHERE mini_id = $2 GROUP BY unionid HAVING COUNT(*) > 1));

-- name: change-bridges
-- Repoint bridges whose follower's unionid now belongs to another mini user.
-- $1 account; $2 mini program; $3 now, UTC.
UPDATE bridges SET mini_openid = c.mini_openid, unionid = c.unionid, bridged_at = $3
FROM (SELECT f.openid, m.mini_openid, f.unionid FROM followers f JOIN mini_users m ON m.mini_id = $2 AND m.unionid = f.unionid
      WHERE f.account_id = $1 AND f.subscribed
        AND f.unionid NOT IN (SELECT unionid FROM followers WHERE account_id = $1 AND subscribed AND unionid IS NOT NULL GROUP BY unionid HAVING COUNT(*) > 1)
        AND f.unionid NOT IN (SELECT unionid FROM mini_users WHERE mini_id = $2 GROUP BY unionid HAVING COUNT(*) > 1)) c
WHERE bridges.account_id = $1 AND bridges.mini_id = $2 AND bridges.openid = c.openid
  AND (bridges.mini_openid <> c.mini_openid OR bridges.unionid <> c.unionid);

-- name: add-bridges
-- Bridge the followers that have none yet.
-- $1 account; $2 mini program; $3 now, UTC.
INSERT INTO bridges (account_id, mini_id, openid, mini_openid, unionid, bridged_at)
SELECT $1, $2, f.openid, m.mini_openid, f.unionid, $3
FROM followers f
JOIN mini_users m ON m.mini_id = $2 AND m.unionid = f.unionid
LEFT JOIN bridges b ON b.account_id = $1 AND b.mini_id = $2 AND b.openid = f.openid
WHERE f.account_id = $1 AND f.subscribed AND b.openid IS NULL
  AND f.unionid NOT IN (SELECT unionid FROM followers WHERE account_id = $1 AND subscribed AND unionid IS NOT NULL GROUP BY unionid HAVING COUNT(*) > 1)
  AND f.unionid NOT IN (SELECT unionid FROM mini_users WHERE mini_id = $2 GROUP BY unionid HAVING COUNT(*) > 1);

-- name: count-bridges
-- $1 account; $2 mini program.
SELECT COUNT(*) FROM bridges WHERE account_id = $1 AND mini_id = $2;

-- name: count-unionid-conflicts
-- Unionids that stand on more than one follower of the account, and on more than one mini user.
-- $1 account; $2 mini program.
SELECT (SELECT COUNT(*) FROM (SELECT unionid FROM followers WHERE account_id = $1 AND subscribed AND unionid IS NOT NULL GROUP BY unionid HAVING COUNT(*) > 1) AS a) AS followers,
       (SELECT COUNT(*) FROM (SELECT unionid FROM mini_users WHERE mini_id = $2 GROUP BY unionid HAVING COUNT(*) > 1) AS b) AS mini_users;
