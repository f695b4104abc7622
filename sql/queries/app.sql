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

-- name: own-app
-- The mini program is the account's, unless it is another's already.
-- $1 mini program; $2 account.
UPDATE apps SET owner_id = $2 WHERE id = $1 AND owner_id IS NULL;

-- name: take-over-app
-- $1 mini program; $2 account.
UPDATE apps SET owner_id = $2 WHERE id = $1;

-- name: get-owner
-- $1 mini program.
SELECT o.id, o.appid FROM apps m JOIN apps o ON o.id = m.owner_id WHERE m.id = $1;
