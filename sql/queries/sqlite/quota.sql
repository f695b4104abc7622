-- name: lock-quota
-- A write transaction is alone already.
-- $1 app; $2 api.
SELECT used FROM quota_days WHERE app_id = $1 AND api = $2 ORDER BY day;
