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
-- $1 mini program.
DELETE FROM mini_users WHERE mini_id = $1 AND NOT EXISTS (SELECT 1 FROM mini_users_import i
    WHERE i.mini_openid = mini_users.mini_openid);

-- name: count-mini-users
-- $1 mini program.
SELECT COUNT(*) FROM mini_users WHERE mini_id = $1;
