-- name: make-import-staging
CREATE TEMP TABLE mini_users_import (line INTEGER NOT NULL, mini_openid TEXT NOT NULL, unionid TEXT NOT NULL);

-- name: stage-mini-users
-- $1 JSON array of {line, mini_openid, unionid}.
INSERT INTO mini_users_import (line, mini_openid, unionid)
SELECT line, mini_openid, unionid FROM (SELECT value ->> 'line' AS line, value ->> 'mini_openid' AS mini_openid,
    value ->> 'unionid' AS unionid FROM json_each($1)) AS r;

-- name: index-import-staging
CREATE INDEX mini_users_import_openid ON mini_users_import (mini_openid, line, unionid);

-- name: drop-import-staging
DROP TABLE IF EXISTS mini_users_import;

-- name: put-mini-users
-- $1 mini program; $2 JSON array of {mini_openid, unionid}; $3 now, UTC.
INSERT INTO mini_users (mini_id, mini_openid, unionid, created_at, updated_at)
SELECT $1, value ->> 'mini_openid', value ->> 'unionid', $3, $3 FROM json_each($2) WHERE TRUE
ON CONFLICT (mini_id, mini_openid) DO UPDATE SET unionid = excluded.unionid, updated_at = excluded.updated_at;
