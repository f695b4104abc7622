-- name: dedupe-import
-- Of a mini_openid that was staged twice the last line stands.
DELETE FROM mini_users_import WHERE EXISTS (
    SELECT 1 FROM mini_users_import later WHERE later.mini_openid = mini_users_import.mini_openid
        AND later.line > mini_users_import.line);

-- name: count-import
-- Of the staged mini users, how many are new and how many changed.
-- $1 mini program.
SELECT COUNT(CASE WHEN m.mini_openid IS NULL THEN 1 END) AS inserted,
       COUNT(CASE WHEN m.unionid <> i.unionid THEN 1 END) AS updated
FROM mini_users_import i LEFT JOIN mini_users m ON m.mini_id = $1 AND m.mini_openid = i.mini_openid;

-- name: merge-import
-- Insert the new and change the changed; the unchanged are not rewritten.
-- $1 mini program; $2 now, UTC.
INSERT INTO mini_users (mini_id, mini_openid, unionid, created_at, updated_at)
SELECT $1, i.mini_openid, i.unionid, $2, $2
FROM mini_users_import i LEFT JOIN mini_users m ON m.mini_id = $1 AND m.mini_openid = i.mini_openid
WHERE m.mini_openid IS NULL OR m.unionid <> i.unionid
ORDER BY i.mini_openid
ON CONFLICT (mini_id, mini_openid) DO UPDATE SET unionid = excluded.unionid, updated_at = excluded.updated_at;

-- name: remove-not-imported
-- Not who has logged in since the import began: the source could not know them.
-- $1 mini program; $2 stored before, UTC.
DELETE FROM mini_users WHERE mini_id = $1 AND updated_at < $2 AND NOT EXISTS (SELECT 1 FROM mini_users_import i
    WHERE i.mini_openid = mini_users.mini_openid);

-- name: count-mini-users
-- $1 mini program.
SELECT COUNT(*) FROM mini_users WHERE mini_id = $1;

-- name: import-page
-- Staged mini users that are new or changed, in order.
-- $1 mini program; $2 after this mini_openid; $3 at most.
SELECT i.mini_openid, i.unionid FROM mini_users_import i
LEFT JOIN mini_users m ON m.mini_id = $1 AND m.mini_openid = i.mini_openid
WHERE i.mini_openid > $2 AND (m.mini_openid IS NULL OR m.unionid <> i.unionid) ORDER BY i.mini_openid LIMIT $3;

-- name: count-not-imported
-- $1 mini program; $2 stored before, UTC.
SELECT COUNT(*) FROM mini_users WHERE mini_id = $1 AND updated_at < $2 AND NOT EXISTS (
    SELECT 1 FROM mini_users_import i WHERE i.mini_openid = mini_users.mini_openid);

-- name: not-imported-page
-- $1 mini program; $2 stored before, UTC; $3 after this mini_openid; $4 at most.
SELECT mini_openid FROM mini_users WHERE mini_id = $1 AND mini_openid > $3 AND updated_at < $2 AND NOT EXISTS (
    SELECT 1 FROM mini_users_import i WHERE i.mini_openid = mini_users.mini_openid) ORDER BY mini_openid LIMIT $4;

-- name: drop-mini-users
-- $1 mini program; $2 mini_openids as a JSON array; $3 stored before, UTC; %s the mini_openids.
DELETE FROM mini_users WHERE mini_id = $1 AND mini_openid IN (%s) AND updated_at < $3;
