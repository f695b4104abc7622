-- name: add-callbacks
-- Keep events, each once, whoever tells them again.
-- $1 account; $2 now, UTC; $3 JSON array of {app_id, openid, created_at, kind, event_key, msgid, status, content, detail}.
INSERT INTO callbacks (account_id, app_id, openid, created_at, kind, event_key, msgid, status, content, detail, received_at)
SELECT $1, value ->> 'app_id', value ->> 'openid', value ->> 'created_at', value ->> 'kind', value ->> 'event_key', value ->> 'msgid',
    value ->> 'status', value ->> 'content', value ->> 'detail', $2
FROM json_each($3) WHERE TRUE
ON CONFLICT DO NOTHING;

-- name: mark-callbacks-applied
-- $1 account; $2 now, UTC; $3 ids as a JSON array.
UPDATE callbacks SET applied_at = $2 WHERE account_id = $1 AND id IN (SELECT value FROM json_each($3));
