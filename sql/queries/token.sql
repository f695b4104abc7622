-- name: get-token
-- $1 appid.
SELECT access_token, fetched_at, expires_at FROM tokens WHERE appid = $1;

-- name: put-token
-- $1 appid; $2 access_token; $3 fetched_at; $4 expires_at, UTC.
INSERT INTO tokens (appid, access_token, fetched_at, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (appid) DO UPDATE SET access_token = excluded.access_token, fetched_at = excluded.fetched_at,
    expires_at = excluded.expires_at;
