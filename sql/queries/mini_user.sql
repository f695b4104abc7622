-- name: count-import
-- Of the staged mini users (the last line of each mini_openid), how many are new and how many changed.
-- $1 mini program.
SELECT COUNT(CASE WHEN m.mini_openid IS NULL THEN 1 END) AS inserted,
       COUNT(CASE WHEN m.unionid <> i.unionid THEN 1 END) AS updated
FROM mini_users_import i LEFT JOIN mini_users m ON m.mini_id = $1 AND m.mini_openid = i.mini_openid
WHERE i.line = (SELECT MAX(line) FROM mini_users_import j WHERE j.mini_openid = i.mini_openid);

-- name: index-import-staging
CREATE INDEX mini_users_import_openid ON mini_users_import (mini_openid, line);

-- name: merge-import
-- Insert the new and change the changed; the unchanged are not rewritten.
-- $1 mini program; $2 now, UTC.
INSERT INTO mini_users (mini_id, mini_openid, unionid, created_at, updated_at)
SELECT $1, i.mini_openid, i.unionid, $2, $2
FROM mini_users_import i
WHERE i.line = (SELECT MAX(line) FROM mini_users_import j WHERE j.mini_openid = i.mini_openid)
ON CONFLICT (mini_id, mini_openid) DO UPDATE SET unionid = excluded.unionid, updated_at = excluded.updated_at
WHERE mini_users.unionid <> excluded.unionid;

-- name: count-mini-users
-- $1 mini program.
SELECT COUNT(*) FROM mini_users WHERE mini_id = $1;
