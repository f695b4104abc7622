-- name: add-app
-- Register an app by its appid; one that is known is left alone.
-- $1 appid; $2 kind; $3 now, UTC.
INSERT INTO apps (appid, kind, created_at) VALUES ($1, $2, $3) ON CONFLICT (appid) DO NOTHING;

-- name: get-app
-- $1 appid.
SELECT id, kind FROM apps WHERE appid = $1;

-- name: get-appid
-- $1 app.
SELECT appid FROM apps WHERE id = $1;
