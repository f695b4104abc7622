-- name: get-pacing
-- $1 app; $2 api.
SELECT next_at, share, share_at FROM pacing WHERE app_id = $1 AND api = $2;

-- name: put-pacing
-- $1 app; $2 api; $3 next_at; $4 share; $5 share_at or NULL, UTC.
INSERT INTO pacing (app_id, api, next_at, share, share_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (app_id, api) DO UPDATE SET next_at = excluded.next_at, share = excluded.share,
    share_at = excluded.share_at;
