-- name: add-callbacks
-- Keep events, each once, whoever tells them again.
-- $1 account; $2 now, UTC; $3 JSON array of {app_id, openid, created_at, kind, event_key, msgid, status, content, detail}.
INSERT INTO callbacks (account_id, app_id, openid, created_at, kind, event_key, msgid, status, content, detail, received_at)
SELECT $1, app_id, openid, created_at, kind, event_key, msgid, status, content, detail, $2
FROM json_to_recordset($3::json) AS r (app_id bigint, openid text, created_at timestamptz, kind text, event_key text, msgid bigint,
    status text, content text, detail text)
ON CONFLICT DO NOTHING;

-- name: mark-callbacks-applied
-- $1 account; $2 now, UTC; $3 ids as a JSON array.
UPDATE callbacks SET applied_at = $2 WHERE account_id = $1
    AND id IN (SELECT value::bigint FROM json_array_elements_text($3::json));
