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
