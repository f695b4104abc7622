-- name: add-relays
-- $1 account; $2 now, UTC; $3 JSON array of {target, openid, query, content_type, body}.
INSERT INTO relays (account_id, target, openid, query, content_type, body, received_at)
SELECT $1, value ->> 'target', value ->> 'openid', value ->> 'query', value ->> 'content_type', value ->> 'body', $2
FROM json_each($3);
