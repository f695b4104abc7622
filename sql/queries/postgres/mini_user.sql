-- name: make-import-staging
CREATE TEMP TABLE mini_users_import (line BIGINT NOT NULL, mini_openid TEXT COLLATE "C" NOT NULL,
    unionid TEXT COLLATE "C" NOT NULL) ON COMMIT DROP;

-- name: stage-mini-users
-- $1 JSON array of {line, mini_openid, unionid}.
INSERT INTO mini_users_import (line, mini_openid, unionid)
SELECT line, mini_openid, unionid FROM json_to_recordset($1::json) AS r (line bigint, mini_openid text, unionid text);

-- name: index-import-staging
ANALYZE mini_users_import;

-- name: drop-import-staging
-- The staging table goes with its transaction.
SELECT 1;

-- name: put-mini-users
-- SQLite only: here an import is one transaction.
-- $1 mini program; $2 JSON array of {mini_openid, unionid}; $3 now, UTC.
INSERT INTO mini_users (mini_id, mini_openid, unionid, created_at, updated_at)
SELECT $1, r.mini_openid, r.unionid, $3, $3 FROM json_to_recordset($2::json) AS r (mini_openid text, unionid text)
ON CONFLICT (mini_id, mini_openid) DO UPDATE SET unionid = excluded.unionid, updated_at = excluded.updated_at;
