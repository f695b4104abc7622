-- name: add-relays
-- $1 account; $2 now, UTC; $3 JSON array of {target, openid, query, content_type, body}.
INSERT INTO relays (account_id, target, openid, query, content_type, body, received_at)
SELECT $1, target, openid, query, content_type, body, $2
FROM json_to_recordset($3::json) AS r (target text, openid text, query text, content_type text, body text);
