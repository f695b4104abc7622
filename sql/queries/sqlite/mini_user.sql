-- name: make-import-staging
CREATE TEMP TABLE mini_users_import (line INTEGER NOT NULL, mini_openid TEXT NOT NULL, unionid TEXT NOT NULL);

-- name: stage-mini-users
-- $1 JSON array of {line, mini_openid, unionid}.
INSERT INTO mini_users_import (line, mini_openid, unionid)
SELECT line, mini_openid, unionid FROM (SELECT value ->> 'line' AS line, value ->> 'mini_openid' AS mini_openid,
    value ->> 'unionid' AS unionid FROM json_each($1)) AS r;

-- name: index-import-staging
CREATE INDEX mini_users_import_openid ON mini_users_import (mini_openid, line);

-- name: drop-import-staging
DROP TABLE mini_users_import;
