-- name: lock-quota
-- Hold up the recording of outcomes until the transaction ends.
-- $1 app; $2 api.
SELECT used FROM quota_days WHERE app_id = $1 AND api = $2 ORDER BY day FOR UPDATE;
